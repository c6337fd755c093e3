// A pair's row of the gradient of the logits, from where it is.
const stagedQuads = 0u;

fn fetchRows(slot: u32, thread: u32) {}
fn rowAt(slot: u32, u: u32, quad: u32) -> vec4f { return logitGradient[pairAt(slot, u) + quad]; }
