// Where the fused kernels have a layer's quads: quad by quad, since neighbouring invocations of the forward kernel have neighbouring residues,
// and those of the backward kernel a few whole quads. And the gradient of the training loss in the logits, [slot, U, JQ]: a pair's in quads,
// the last one padded with zeros.

@group(0) @binding(1) var<storage, read_write> logitGradient: array<vec4f>;

fn weightAt(residue: u32, quad: u32) -> u32 { return quad * P + residue; }
