// From the partial logits of tiled-forward.wgsl to losses and gradients. A workgroup has PAIRS pairs, neighbours in its invocations; LANES
// invocations share a pair's logits, each taking every LANES-th.

const PAIRS = 32u;
const LANES = 8u;

struct Largest {
  value: f32,
  index: u32,
}

var<workgroup> largest: array<Largest, PAIRS * LANES>;
var<workgroup> answers: array<Largest, PAIRS>;
var<workgroup> sums: array<f32, PAIRS * LANES>;
var<workgroup> labels: array<vec2f, PAIRS>;
var<workgroup> outOfRange: array<f32, PAIRS * LANES>;
var<workgroup> traces: array<PairTrace, PAIRS>;

@compute @workgroup_size(PAIRS * LANES)
fn softmax(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let pass_ = backwardPass(thread);
  let member = memberAt(group.y);
  if (pass_ >= member.passes) { return; }
  let pair = thread % PAIRS;
  let lane = thread / PAIRS;
  let u = group.x * PAIRS + pair;
  let read = member.slot * SCRATCH + min(u, U - 1u) / 4u;
  let component = min(u, U - 1u) % 4u;
  let entry = entries[member.slot * U + min(u, U - 1u)];

  #repeat i LOGITS_A_LANE
  var f$(i) = 0.0;
  if (lane + $(i)u * LANES < P) {
    for (var split = 0u; split < FORWARD_SPLITS; split++) {
      f$(i) += scratch[read + (split * P + lane + $(i)u * LANES) * (US / 4u)][component];
    }
  }
  #end
  // Of equals the lowest: within a lane the first, between lanes by index.
  var most = Largest(f0, lane);
  var wild = 0.0;
  #repeat i LOGITS_A_LANE
  if (lane + $(i)u * LANES < P) {
    if (f$(i) > most.value || lane >= P) { most = Largest(f$(i), lane + $(i)u * LANES); }
    if (isOutOfRange(f$(i))) { wild = 1.0; }
    if (lane + $(i)u * LANES == labelOf(entry, 0u)) { labels[pair].x = f$(i); }
    if (lane + $(i)u * LANES == labelOf(entry, 1u)) { labels[pair].y = f$(i); }
  }
  #end
  largest[thread] = most;
  outOfRange[thread] = wild;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < min(LANES, P); i++) {
      let other = largest[i * PAIRS + pair];
      if (other.value > most.value || (other.value == most.value && other.index < most.index)) { most = other; }
      wild = max(wild, outOfRange[i * PAIRS + pair]);
    }
    answers[pair] = most;
  }
  workgroupBarrier();
  let answer = answers[pair];
  var s = 0.0;
  #repeat i LOGITS_A_LANE
  f$(i) = expNonPositive(vec4f(f$(i) - answer.value)).x;
  if (lane + $(i)u * LANES < P && lane + $(i)u * LANES != answer.index) { s += f$(i); }
  #end
  sums[thread] = s;
  workgroupBarrier();
  var others = 0.0;
  for (var i = 0u; i < LANES; i++) { others += sums[i * PAIRS + pair]; }
  if (u < U) {
    #repeat i LOGITS_A_LANE
    if (lane + $(i)u * LANES < P) {
      logitGradient[(member.slot * P + lane + $(i)u * LANES) * US + u] =
          gradientOf(entry, lane + $(i)u * LANES, answer.index, f$(i), others, member.inverseTrained);
    }
    #end
  }
  if (lane == 0u) {
    traces[pair] = PairTrace(vec4f(0.0), vec4f(0.0));
    if (u < U) {
      traces[pair] = traceOf(entry, answer.index, others, vec2f(answer.value) - labels[pair]);
      traces[pair].counts.z = wild;
    }
  }
  for (var width = PAIRS / 2u; width > 0u; width /= 2u) {
    workgroupBarrier();
    if (thread < width) { traces[thread] = addPair(traces[thread], traces[thread + width]); }
  }
  if (thread == 0u) {
    let at = partialsAt(group.y, pass_) + 2u * group.x;
    partials[at] = traces[0].losses;
    partials[at + 1u] = traces[0].counts;
  }
}
