// What the two kernels of the gradients share: fused-backward.wgsl, where several invocations share a neuron, for few networks; and
// fused-backward-many.wgsl, where each has two. Both add in the same order, so that no bit depends on how many networks there are.
//
// A segment of the pairs (a, a + d) has one a and RUN neighbouring d's, the last one of an a perhaps fewer; they follow each other by a, then d.
// A neuron's gradient of xi is the sum over the segments of the sum over each one's pairs. Of theta, a pair adds the same to both of its
// residues: a residue's is the sum, in the order of the a's, of what it has as the second of a pair, with the sum of all that it has as the first
// after its own a.
//
// The norms of a quad of neurons are summed in eight parts: of theta's rows from P / 2 + 1 on every eighth, then of those before, then of xi's
// likewise. Four parts of a parity add up first.

const differences = P / 2u + 1u;

// What a pair adds to its residues, from the gradient in the activation and the slope.
fn throughActivation(ofHidden: vec4f, slope: f32) -> f32 {
  return ((ofHidden.x + ofHidden.y) + (ofHidden.z + ofHidden.w)) * slope;
}

// Sums the traces of all pairs, by one workgroup that has nothing else to do, and so has the room of the others for it: keepLaneSum and laneSumAt of
// as many.
const traceLanes = 32u;
const laneSums = 2u * traceLanes;

fn sumTraces(thread: u32, slot: u32, to: u32) {
  #repeat once LOOPED
  // They were fetched into the room before.
  workgroupBarrier();
  #end
  for (var lane = thread; lane < traceLanes; lane += THREADS) {
    #repeat i 2
    var s$(i) = vec4f(0.0);
    #end
    // Some pairs' at once, so that not each is waited for.
    for (var u = lane; u < U; u += 5u * traceLanes) {
      #repeat k 5
      let u$(k) = min(u + $(k)u * traceLanes, U - 1u);
      #repeat i 2
      #repeat once LOOPED
      let v$(k)_$(i) = room[laneSums + 2u * u$(k) + $(i)u];
      #end
      #repeat once DISPATCHED
      let v$(k)_$(i) = logitGradient[pairAt(slot, u$(k)) + JQ + $(i)u];
      #end
      #end
      #end
      #repeat k 5
      if (u + $(k)u * traceLanes < U) {
        #repeat i 2
        s$(i) += v$(k)_$(i);
        #end
      }
      #end
    }
    #repeat i 2
    keepLaneSum($(i)u * traceLanes + lane, s$(i));
    #end
  }
  workgroupBarrier();
  if (thread < 2u) {
    var s = vec4f(0.0);
    #repeat k 32
    s += laneSumAt(thread * traceLanes + $(k)u);
    #end
    submission[to + thread] = s;
  }
}
