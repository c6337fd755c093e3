// What all kernels of a shape share: its buffers and how they are indexed.
//
// Sizes are constants: P residues, M neurons, U = P (P + 1) / 2 unordered pairs. Everything that runs over neurons comes in quads of
// four, MQ of them, the last one padded with neurons whose weights are zero and stay so. The quads of a layer lie quad by quad: in most kernels
// neighbouring invocations have neighbouring residues, or a few whole quads. How the gradient of the logits lies, whose binding is 1, is said
// in fused.wgsl and tiled.wgsl. The fewer buffers there are, the less a dispatch costs.
//
// The unordered pair u = d P + a, 0 <= d <= (P-1)/2, 0 <= a < P, is of the residues a and (a + d) mod P: each exactly once, since P is
// odd, and a run of a's meets no residue twice on either side. It stands for up to two ordered pairs, its entries.
//
// Several networks of the shape train side by side, a cohort: workgroup_id.y is the member. No sum runs over members and none depends
// on how many there are. A pass is one evaluation of a member's losses and gradient, and an update unless it is the last of its own.

struct Member {
  // Where it lives in the buffers that are indexed by slot; 0: it is alone, or there.
  slot: u32,
  // Passes of this submission that are its own, and how many of them end with an update: f32, as stored, so that comparing needs no conversion.
  passes: f32,
  updates: f32,
  // 1 / training entries.
  inverseTrained: f32,
}

// [slot, SLOT]: theta and xi, P MQ each, and theta's factors where it has any; then moments and averages of all that is trained, TRAINED
// quads each; then of each pair two labels and two classes, a byte each, class 255 is no entry
@group(0) @binding(0) var<storage, read_write> state: array<vec4f>;
// What a submission of passes needs and leaves: (number of the pass for the forward kernel, the same for those that follow it), each written by the
// kernel before; (passes of the longest member, where the scalars begin, where the parts of the traces begin, 0); the members; of each member
// and pass SCALARS of the optimizer's scalars, the last one of the second a loop's, see fused-loop.wgsl; and of each FORWARD_PARTIALS of 2 and BACKWARD_PARTIALS of 1, parts of the trace, to be
// summed by trace.wgsl
@group(0) @binding(2) var<storage, read_write> submission: array<vec4f>;

const layerQuads = P * MQ;
const passPartials = 2u * FORWARD_PARTIALS + BACKWARD_PARTIALS;

fn weightAt(residue: u32, quad: u32) -> u32 { return quad * P + residue; }
fn firstResidue(u: u32) -> u32 { return u % P; }
fn secondResidue(u: u32) -> u32 { return (u % P + u / P) % P; }

// The bit that is changed keeps them from being denormal numbers, which a device may take for zero.
fn entryAt(slot: u32, u: u32) -> u32 { return bitcast<u32>(state[slot * SLOT + ENTRIES + u / 4u][u % 4u]) ^ 0x40000000u; }

fn memberAt(i: u32) -> Member {
  let m = submission[2u + i];
  return Member(u32(m.x), m.y, m.z, m.w);
}

// A member that is alone has its state bound from its slot on, and the first slot of all else: it need not wait for what says which it has.
fn slotOf(groups: vec3u, i: u32) -> u32 {
  var slot = 0u;
  if (groups.y > 1u) { slot = u32(submission[2u + i].x); }
  return slot;
}

fn passAt(member: u32, pass_: u32) -> u32 { return member * u32(submission[1].x) + pass_; }
fn scalarsAt(member: u32, pass_: u32) -> u32 { return u32(submission[1].y) + SCALARS * passAt(member, pass_); }
fn partialsAt(member: u32, pass_: u32) -> u32 { return u32(submission[1].z) + passPartials * passAt(member, pass_); }

// A condition of the whole workgroup must be seen to be one by the compiler. What comes after is fetched after: a kernel fetches its member before.
var<workgroup> sharedPass: u32;

// Of a member that has done with its own.
const noPass = 0xffffffffu;

fn sharePass(thread: u32, counter: f32, member: Member) -> u32 {
  if (thread == 0u) { sharedPass = select(noPass, u32(counter), counter < member.passes); }
  return workgroupUniformLoad(&sharedPass);
}

// To be called by one invocation of all.
fn endForward(counter: f32) { submission[0].y = counter; }
fn endBackward(counter: f32) { submission[0].x = counter + 1.0; }
