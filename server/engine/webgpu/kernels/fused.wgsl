// What the fused forward kernel leaves of each pair, [slot, U, JQ + 2]: the gradient of the training loss in its logits in quads, the last one
// padded with zeros, and its part of the trace.

@group(0) @binding(1) var<storage, read_write> logitGradient: array<vec4f>;

fn pairAt(slot: u32, u: u32) -> u32 { return (slot * U + u) * (JQ + 2u); }
