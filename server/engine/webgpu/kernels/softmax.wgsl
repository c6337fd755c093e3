// From the partial logits of tiled-forward.wgsl to losses and gradients. LANES invocations, which are neighbours, share a pair's logits, each taking
// every LANES-th quad; a workgroup has PAIRS pairs.

// From a lane to the next: its pairs lie in different banks.
const stride = PAIRS + 1u;

struct Largest {
  value: f32,
  index: u32,
}

var<workgroup> largest: array<Largest, LANES * stride>;
var<workgroup> answers: array<Largest, PAIRS>;
var<workgroup> sums: array<f32, LANES * stride>;
var<workgroup> labels: array<vec2f, PAIRS>;
var<workgroup> outOfRange: array<f32, LANES * stride>;
var<workgroup> traces: array<PairTrace, PAIRS>;

@compute @workgroup_size(PAIRS * LANES)
fn softmax(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let member = memberAt(group.y);
  let counter = submission[0].y;
  let pass_ = sharePass(thread, counter, member);
  if (pass_ == noPass) { return; }
  let pair = thread / LANES;
  let lane = thread % LANES;
  let own = lane * stride + pair;
  let u = group.x * PAIRS + pair;
  let read = member.slot * SCRATCH + min(u, U - 1u) * LOGIT_QUADS;
  let entry = entryAt(member.slot, min(u, U - 1u));

  #repeat i QUADS_A_LANE
  let quad$(i) = lane + $(i)u * LANES;
  var f$(i) = vec4f(0.0);
  if (quad$(i) < LOGIT_QUADS) {
    for (var split = 0u; split < FORWARD_SPLITS; split++) { f$(i) += scratch[read + split * U * LOGIT_QUADS + quad$(i)]; }
  }
  #end
  // Of equals the lowest: within a lane the first, between lanes by index. A lane without logits has one below and behind all of them.
  var most = Largest(-3.4028234663852886e38, 4u * LOGIT_QUADS);
  var wild = 0.0;
  #repeat i QUADS_A_LANE
  #repeat c 4
  {
    let j = 4u * quad$(i) + $(c)u;
    let f = f$(i)[$(c)];
    if (j < P) {
      if (f > most.value) { most = Largest(f, j); }
      if (isOutOfRange(f)) { wild = 1.0; }
      if (j == labelOf(entry, 0u)) { labels[pair].x = f; }
      if (j == labelOf(entry, 1u)) { labels[pair].y = f; }
    }
  }
  #end
  #end
  largest[own] = most;
  outOfRange[own] = wild;
  workgroupBarrier();
  if (lane == 0u) {
    for (var i = 1u; i < LANES; i++) {
      let other = largest[i * stride + pair];
      if (other.value > most.value || (other.value == most.value && other.index < most.index)) { most = other; }
      wild = max(wild, outOfRange[i * stride + pair]);
    }
    answers[pair] = most;
  }
  workgroupBarrier();
  let answer = answers[pair];
  var s = 0.0;
  #repeat i QUADS_A_LANE
  f$(i) = expNonPositive(f$(i) - vec4f(answer.value));
  #repeat c 4
  s += select(0.0, f$(i)[$(c)], 4u * quad$(i) + $(c)u < P && 4u * quad$(i) + $(c)u != answer.index);
  #end
  #end
  sums[own] = s;
  workgroupBarrier();
  var others = 0.0;
  for (var i = 0u; i < LANES; i++) { others += sums[i * stride + pair]; }
  #repeat i QUADS_A_LANE
  if (u < U && quad$(i) < LOGIT_QUADS) {
    let g = gradientOf(entry, 4u * quad$(i), answer.index, f$(i), others, member.inverseTrained);
    logitGradient[(member.slot * U + u) * LOGIT_QUADS + quad$(i)] = g;
  }
  #end
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
    submission[at] = traces[0].losses;
    submission[at + 1u] = traces[0].counts;
  }
}
