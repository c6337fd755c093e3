// The gradients of NEURONS neurons, over all pairs, and their update, in one workgroup: for many networks, as many as give every
// multiprocessor some workgroups.
//
// An invocation has two neighbouring neurons, with their weights xi and the gradient of those in registers, and goes through all pairs in the
// order of fused-gradient.wgsl. A row of the gradient of the logits is read once for both, and is the same for all invocations: the workgroup
// fetches the rows of one a while it uses those of the one before. Of theta and its gradient an invocation has in registers what the second
// residues of an a's pairs need, a to a + P / 2, which move on by one place with every a, so that each register is named by a constant.
// What leaves that window goes to workgroup memory, and comes back when the residue comes again as the second of a larger a, before the residue
// P / 2 + 1 places further leaves: so there is room for so many. At the end a row of a quad of neurons is an invocation's, to be updated.

const quads = NEURONS / 4u;
// Odd, so that a quad's rows lie in different banks.
const stride = quads / 2u * 2u + 1u;

// [row modulo differences, quad]: half a layer's gradient, in halves of a quad; of the workgroup that sums the traces what it adds up; at the end
// [quad, half]: norms
var<workgroup> room: array<vec2f, 2u * max(laneSums, differences * stride)>;
// [odd a, d, quad]
var<workgroup> gradientRows: array<vec4f, 2u * differences * JQ>;

fn keepLaneSum(i: u32, sum: vec4f) {
  room[2u * i] = sum.xy;
  room[2u * i + 1u] = sum.zw;
}
fn laneSumAt(i: u32) -> vec4f { return vec4f(room[2u * i], room[2u * i + 1u]); }

fn roomAt(row: u32, quad: u32) -> vec4f {
  let at = 2u * (row * stride + quad);
  return vec4f(room[at], room[at + 1u]);
}

// Half a quad of neurons' weights.
fn halfAt(i: u32, half: u32) -> vec2f {
  let w = state[i];
  return select(w.xy, w.zw, half == 1u);
}

fn backward(groups: vec3u, group: vec3u, thread: u32) {
  let slot = slotOf(groups, group.y);
  let member = memberAt(group.y);
  let counter = submission[0].y;
  let pass_ = sharePass(thread, counter, member);
  if (group.x == 0u && group.y == 0u && thread == 0u) { endBackward(counter); }
  if (pass_ == noPass) { return; }
  if (group.x == GROUPS) {
    sumTraces(thread, slot, partialsAt(group.y, pass_));
    return;
  }
  let firstQuad = group.x * quads;
  let half = thread % 2u;
  // Quads beyond the last one compute what it does, and are not stored.
  let base = slot * SLOT + min(firstQuad + thread / 2u, MQ - 1u) * P;
  #repeat d P/2+1
  var theta$(d) = halfAt(base + $(d)u, half);
  var ofTheta$(d) = vec2f(0.0);
  #end
  #repeat j P
  let w$(j) = halfAt(base + layerQuads + $(j)u, half);
  var x$(j) = vec2f(0.0);
  #end
  // Which quads of an a's rows an invocation fetches.
  #repeat i FETCHES
  let fetched$(i) = min(thread + $(i)u * THREADS, differences * JQ - 1u);
  let from$(i) = pairAt(slot, fetched$(i) / JQ * P) + fetched$(i) % JQ;
  if (thread + $(i)u * THREADS < differences * JQ) { gradientRows[fetched$(i)] = logitGradient[from$(i)]; }
  #end
  workgroupBarrier();

  // Which no compiler knows.
  let zero = bitcast<u32>(submission[1].w);
  for (var a = 0u; a < P; a++) {
    // Of the next a.
    #repeat i FETCHES
    let next$(i) = logitGradient[from$(i) + min(a + 1u, P - 1u) * (JQ + 2u)];
    #end
    let entering = select(a + differences - P, a + differences, a + differences < P);
    let nextTheta = halfAt(base + entering, half);
    let rows = a % 2u * differences * JQ;
    var ofFirst = vec2f(0.0);
    #rounds
    {
    #repeat j P
    var part$(j) = vec2f(0.0);
    #end
    #repeat i $(count)
    {
      #repeat k JQ
      let g$(k) = gradientRows[rows + $(first+i)u * JQ + $(k)u];
      #end
      let z = theta0 + theta$(first+i);
      let h = vec2f(activation(vec4f(z.x)).x, activation(vec4f(z.y)).x);
      var ofHidden0 = vec4f(0.0);
      var ofHidden1 = vec4f(0.0);
      #repeat j P
      {
        let g = g$(j/4)[$(j)u % 4u];
        part$(j) = fma(vec2f(g), h, part$(j));
        ofHidden0[$(j)u % 4u] = fma(g, w$(j).x, ofHidden0[$(j)u % 4u]);
        ofHidden1[$(j)u % 4u] = fma(g, w$(j).y, ofHidden1[$(j)u % 4u]);
      }
      #end
      // A compiler would make one operation, rounded once, of each product and a sum after it; fused-backward.wgsl has them apart.
      let product = vec2f(throughActivation(ofHidden0, slope(vec4f(z.x)).x), throughActivation(ofHidden1, slope(vec4f(z.y)).x));
      let added = bitcast<vec2f>(bitcast<vec2u>(product) ^ vec2u(zero));
      ofFirst += added;
      ofTheta$(first+i) += added;
    }
    #end
    #repeat j P
    x$(j) += part$(j);
    #end
    }
    #end
    room[a % differences * stride * 2u + thread] = ofTheta0 + ofFirst;
    #repeat d P/2
    theta$(d) = theta$(d+1);
    ofTheta$(d) = ofTheta$(d+1);
    #end
    theta$(P/2) = nextTheta;
    ofTheta$(P/2) = vec2f(0.0);
    if (a + differences >= P) { ofTheta$(P/2) = room[entering * stride * 2u + thread]; }
    #repeat i FETCHES
    if (thread + $(i)u * THREADS < differences * JQ) { gradientRows[differences * JQ - rows + fetched$(i)] = next$(i); }
    #end
    workgroupBarrier();
  }
  // A half of the rows of a layer at a time: theta's last ones, which are in the room; its first ones, which are in the window; then xi's likewise.
  // Neighbours update neighbouring rows of a quad, which lie side by side: a warp's loads and stores go to few lines of the cache. What a row adds to
  // the norms goes where its gradient was, for an invocation that has every other row of a quad.
  let update = updateOf(group.y, member, pass_);
  let quad = thread / 2u;
  var norms: array<vec4f, 4>;
  for (var part = 0u; part < 4u; part++) {
    let isLast = part % 2u == 0u;
    let firstRow = select(0u, differences, isLast);
    let count = select(differences, P - differences, isLast);
    #repeat i P/4+1
    let item$(i) = thread + $(i)u * THREADS;
    let quad$(i) = select(item$(i) / differences, item$(i) / (P - differences), isLast);
    let row$(i) = item$(i) - quad$(i) * count;
    let q$(i) = firstQuad + quad$(i);
    let is$(i) = quad$(i) < quads && q$(i) < MQ;
    // Where there is no row, one is fetched again.
    let at$(i) = part / 2u * layerQuads + weightAt(firstRow + row$(i), min(q$(i), MQ - 1u));
    let before$(i) = layersAt(slot, at$(i));
    #end
    if (part == 1u) {
      #repeat d P/2+1
      room[$(d)u * stride * 2u + thread] = ofTheta$(d);
      #end
    }
    if (part == 2u) {
      #repeat j P/2
      room[$(j)u * stride * 2u + thread] = x$(j+P/2+1);
      #end
    }
    if (part == 3u) {
      #repeat j P/2+1
      room[$(j)u * stride * 2u + thread] = x$(j);
      #end
    }
    workgroupBarrier();
    #repeat i P/4+1
    if (is$(i)) {
      let at = 2u * (row$(i) * stride + quad$(i));
      let g = withoutPadding(vec4f(room[at], room[at + 1u]), q$(i));
      let norm = updateLayers(update, slot, at$(i), before$(i), g);
      room[at] = norm.xy;
      room[at + 1u] = norm.zw;
    }
    #end
    workgroupBarrier();
    if (firstQuad + quad < MQ) {
      #repeat i P/4+1
      if (half + $(2*i)u < count) { norms[$(i)u % 4u] += roomAt(half + $(2*i)u, quad); }
      #end
    }
    workgroupBarrier();
  }
  let norm = (norms[0] + norms[1]) + (norms[2] + norms[3]);
  room[2u * thread] = norm.xy;
  room[2u * thread + 1u] = norm.zw;
  workgroupBarrier();
  if (thread < quads && firstQuad + thread < MQ) {
    let at = 4u * thread;
    submission[partialsAt(group.y, pass_) + 2u * FORWARD_PARTIALS + firstQuad + thread] =
        vec4f(room[at], room[at + 1u]) + vec4f(room[at + 2u], room[at + 3u]);
  }
}
