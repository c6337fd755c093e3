// A pair's row of the gradient of the logits, from the workgroup's room, into which all of them are fetched at once: where few invocations
// share a multiprocessor, each would wait for every row.

// Odd, so that neighbouring pairs' rows begin in different banks.
const stagedStride = JQ / 2u * 2u + 1u;
const stagedQuads = U * stagedStride;
// Rows that the workgroup fetches at once, a quad an invocation.
const fetchedRows = THREADS / JQ;

fn fetchRows(slot: u32, thread: u32) {
  if (thread >= fetchedRows * JQ) { return; }
  let quad = thread % JQ;
  for (var u = thread / JQ; u < U; u += FETCHES * fetchedRows) {
    let from_ = pairAt(slot, u) + quad;
    let to = u * stagedStride + quad;
    #repeat k FETCHES
    let v$(k) = logitGradient[from_ + min($(k)u * fetchedRows, U - 1u - u) * (JQ + 2u)];
    #end
    #repeat k FETCHES
    if (u + $(k)u * fetchedRows < U) { room[to + $(k)u * fetchedRows * stagedStride] = v$(k); }
    #end
  }
}
fn rowAt(slot: u32, u: u32, quad: u32) -> vec4f { return room[u * stagedStride + quad]; }
