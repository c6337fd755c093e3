// Where the tiled kernels have a layer's quads: residue by residue, so that neighbouring invocations, which have neighbouring quads, read
// neighbouring memory. And the gradient of the training loss in the logits, [slot, P, US].

@group(0) @binding(1) var<storage, read_write> logitGradient: array<f32>;

fn weightAt(residue: u32, quad: u32) -> u32 { return residue * MQ + quad; }
