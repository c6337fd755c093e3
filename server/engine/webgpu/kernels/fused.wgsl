// Where the fused kernels have a layer's quads: quad by quad, since neighbouring invocations of the forward kernel have neighbouring residues,
// and those of the backward kernel a few whole quads. And what the forward kernel leaves of each pair, [slot, U, JQ + 2]: the gradient of the
// training loss in its logits in quads, the last one padded with zeros, and its part of the trace.

@group(0) @binding(1) var<storage, read_write> logitGradient: array<vec4f>;

fn pairAt(slot: u32, u: u32) -> u32 { return (slot * U + u) * (JQ + 2u); }
fn weightAt(residue: u32, quad: u32) -> u32 { return quad * P + residue; }
