// theta from the factors' new weights in scratch, which become those of the state. An invocation has one quad of neurons by one of residues.

const threads = 64u;

@compute @workgroup_size(threads)
fn product(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) thread: u32) {
  let member = memberAt(group.y);
  let counter = submission[0].y;
  let pass_ = sharePass(thread, counter, member);
  if (pass_ == noPass || f32(pass_) >= member.updates) { return; }
  let theta = member.slot * SLOT;
  let projection = member.slot * SCRATCH;
  let embedding = projection + D * MQ;
  let item = group.x * threads + thread;
  for (var i = item; i < factorQuads; i += PRODUCT_GROUPS * threads) {
    state[theta + projectionAt + i] = scratch[projection + i];
  }
  let quad = item / PQ;
  let column = item % PQ;
  if (quad >= MQ) { return; }
  #repeat c 4
  var s$(c) = vec4f(0.0);
  #end
  for (var e = 0u; e < D; e++) {
    let w = scratch[projection + e * MQ + quad];
    let r = scratch[embedding + e * PQ + column];
    #repeat c 4
    s$(c) = fma(w, vec4f(r[$(c)]), s$(c));
    #end
  }
  #repeat c 4
  if (4u * column + $(c)u < P) { state[theta + weightAt(4u * column + $(c)u, quad)] = s$(c); }
  #end
}
