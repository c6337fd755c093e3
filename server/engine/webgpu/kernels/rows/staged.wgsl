// A pair's row of the gradient of the logits, from workgroup memory, into which all of them are fetched at once: where few invocations share
// a multiprocessor, each would wait for every row.
var<workgroup> rows: array<vec4f, U * JQ>;

fn fetchRows(slot: u32, thread: u32) {
  for (var i = thread; i < U * JQ; i += FETCHES * threads) {
    #repeat k FETCHES
    let n$(k) = min(i + $(k)u * threads, U * JQ - 1u);
    let v$(k) = logitGradient[pairAt(slot, n$(k) / JQ) + n$(k) % JQ];
    #end
    #repeat k FETCHES
    if (i + $(k)u * threads < U * JQ) { rows[i + $(k)u * threads] = v$(k); }
    #end
  }
}
fn rowAt(slot: u32, u: u32, quad: u32) -> vec4f { return rows[u * JQ + quad]; }
