// What all kernels of a shape share: its buffers and how they are indexed.
//
// Sizes are constants: P residues, M neurons, U = P (P + 1) / 2 unordered pairs. Everything that runs over neurons comes in quads of
// four, MQ of them, the last one padded with neurons whose weights are zero and stay so. Weights are stored residue by residue,
// [layer, P, MQ], so that neighbouring invocations, which have neighbouring quads, read neighbouring memory.
//
// The unordered pair u = d P + a, 0 <= d <= (P-1)/2, 0 <= a < P, is of the residues a and (a + d) mod P: each exactly once, since P is
// odd, and a run of a's meets no residue twice on either side. It stands for up to two ordered pairs, its entries.
//
// Several networks of the shape train side by side, a cohort: workgroup_id.y is the member. No sum runs over members and none depends
// on how many there are. A pass is one evaluation of a member's losses and gradient, and an update unless it is the last of its own.

struct Member {
  // Where it lives in the buffers that are indexed by slot.
  slot: u32,
  // Passes of this submission that are its own, and how many of them end with an update.
  passes: u32,
  updates: u32,
  // 1 / training entries.
  inverseTrained: f32,
}

// [slot, layer (theta, xi), P, MQ]
@group(0) @binding(0) var<storage, read_write> weights: array<vec4f>;
// [slot, moment, layer, P, MQ]; a single element where the optimizer has none
@group(0) @binding(1) var<storage, read_write> moments: array<vec4f>;
// [slot, P, US]: of the training loss in the logits
@group(0) @binding(2) var<storage, read_write> logitGradient: array<f32>;
// [slot, U]: two labels and two classes, a byte each; class 255 is no entry
@group(0) @binding(3) var<storage, read> entries: array<u32>;
// [member, pass, 2]: the optimizer's scalars at that step
@group(0) @binding(4) var<storage, read> scalars: array<vec4f>;
@group(0) @binding(5) var<storage, read> members: array<Member>;
// [member, pass, FORWARD_PARTIALS of 2, BACKWARD_PARTIALS of 1]: parts of the trace, to be summed by trace.wgsl
@group(0) @binding(6) var<storage, read_write> partials: array<vec4f>;
// The number of the pass: [0] for the forward kernel, [1] for those that follow it. Written by the kernel before.
@group(0) @binding(7) var<storage, read_write> passCounter: array<u32, 4>;
// Partial sums of the tiled kernels; see each.
@group(0) @binding(8) var<storage, read_write> scratch: array<vec4f>;

const weightsStride = 2u * P * MQ;
const passPartials = 2u * FORWARD_PARTIALS + BACKWARD_PARTIALS;

fn firstResidue(u: u32) -> u32 { return u % P; }
fn secondResidue(u: u32) -> u32 { return (u % P + u / P) % P; }

// [2] of the counter is how many passes this submission has, the longest member's.
fn passAt(member: u32, pass_: u32) -> u32 { return member * passCounter[2] + pass_; }
fn partialsAt(member: u32, pass_: u32) -> u32 { return passAt(member, pass_) * passPartials; }

// A condition of the whole workgroup must be seen to be one by the compiler.
var<workgroup> sharedPass: u32;

fn forwardPass(thread: u32) -> u32 {
  if (thread == 0u) { sharedPass = passCounter[0]; }
  return workgroupUniformLoad(&sharedPass);
}

fn backwardPass(thread: u32) -> u32 {
  if (thread == 0u) { sharedPass = passCounter[1]; }
  return workgroupUniformLoad(&sharedPass);
}
