// A pair's row of the gradient of the logits, from the workgroup's room, into which all of them are fetched at once from where other workgroups
// gave them; before, the forward half has rows of theta there.

// Odd, so that neighbouring pairs' rows begin in different banks.
const stagedStride = JQ / 2u * 2u + 1u;
const stagedQuads = max(max(U * stagedStride, thetaWords / 4u), laneSums + 2u * U);
const rowWords = U * 4u * JQ;

fn fetchRows(slot: u32, thread: u32) {
  for (var first = 0u; first < rowWords; first += FETCHES * THREADS) {
    #repeat k FETCHES
    let word$(k) = first + thread + $(k)u * THREADS;
    let v$(k) = atomicLoad(&exchange[rowsFrom + min(word$(k), rowWords - 1u)]);
    #end
    // All are on their way before the first is waited for.
    storageBarrier();
    #repeat k FETCHES
    if (word$(k) < rowWords) {
      room[word$(k) / (4u * JQ) * stagedStride + word$(k) % (4u * JQ) / 4u][word$(k) % 4u] = bitcast<f32>(v$(k));
    }
    #end
  }
}
// The traces of all pairs likewise, behind the room of the lanes' sums.
fn fetchTraces(thread: u32) {
  #repeat k TRACE_FETCHES
  let word$(k) = thread + $(k)u * THREADS;
  let v$(k) = atomicLoad(&exchange[tracesFrom + min(word$(k), 8u * U - 1u)]);
  #end
  storageBarrier();
  #repeat k TRACE_FETCHES
  if (word$(k) < 8u * U) { room[laneSums + word$(k) / 4u][word$(k) % 4u] = bitcast<f32>(v$(k)); }
  #end
}

fn rowAt(slot: u32, u: u32, quad: u32) -> vec4f { return room[u * stagedStride + quad]; }
