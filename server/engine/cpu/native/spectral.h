// Spectral progress measures of the present weights, in float64: the mean inverse participation ratio of the
// rows of theta and of xi, the mean |sin D|, and the mean R^2 of both layers' cosine fits at theta's k*. The
// definitions, and which rows have no part in them, are those of model/spectral-measures.ts.
//
// The lanes are neurons, as in the backward pass. cos is even and sin odd in j, so the even and the odd part
// of a row are transformed apart, K^2 multiply-adds each. Both coefficients of a frequency come out of one
// tile, and what is wanted of them is taken while they are in registers. A block's sums are taken in its own
// lanes, and the blocks' sums in their order, so nothing depends on the number of threads.
#pragma once
#include "tiles.h"
#include "trainer.h"

namespace grokbox::KERNEL_NAMESPACE {

// p <= 208, as in logits64.h.
constexpr int mostFrequencies = 104;

struct SpectralScratch {
  // Of one layer, one row a residue 1..K, sixteen neurons each.
  alignas(64) double even[mostFrequencies * 16], odd[mostFrequencies * 16];
  // Of xi, one row a frequency 1..K, but for the factor sqrt(2/p), which no measure sees.
  alignas(64) double cosine[mostFrequencies * 16], sine[mostFrequencies * 16];
};

// What is known of a few vectors of neurons, from the frequencies seen so far, but for the same factor.
struct SpectralLanes {
  // Sums of squares and of fourth powers of the amplitudes of theta and of xi.
  D energy[2][tileVectors], fourth[2][tileVectors];
  // At theta's largest amplitude, the lowest of equals: its square, theta's coefficients and xi's.
  D most[tileVectors], c[tileVectors], d[tileVectors], u[tileVectors], v[tileVectors];
};

// Even and odd part of sixteen rows [p, 16], the even one less the first entries: no nonzero frequency sees
// those, and a constant row then has exactly no energy.
NOINLINE void foldRows(const float* __restrict rows, int32_t p, SpectralScratch& s) {
  for (int lane = 0; lane < 16; lane += lanes64) {
    const D first = loadWidened(rows + lane), twice = first + first;
    for (int32_t j = 1; j <= p / 2; j++) {
      const D ahead = loadWidened(rows + j * 16 + lane), behind = loadWidened(rows + (p - j) * 16 + lane);
      storeDouble(s.even + (j - 1) * 16 + lane, ahead + behind - twice);
      storeDouble(s.odd + (j - 1) * 16 + lane, ahead - behind);
    }
  }
}

// Twice as many sums as frequencies.
constexpr int spectralFrequencies = tileOutputs / 2;

// Takes `Frequencies` frequencies from `first` on into what is known, of xi (layer 1) before theta.
// Comparisons are written so that a NaN leaves its neuron out.
template <int Frequencies, int layer>
NOINLINE void spectralTile(const Trainer& t, SpectralScratch& s, int lane, int32_t first, SpectralLanes& x) {
  const int32_t count = t.modulus / 2;
  const double *cosines = t.cosines + first, *sines = t.sines + first;
  D cosine[Frequencies][tileVectors], sine[Frequencies][tileVectors];
  UNROLL for (int k = 0; k < Frequencies; k++) UNROLL for (int v = 0; v < tileVectors; v++)
      cosine[k][v] = sine[k][v] = splatDouble(0);
  for (int32_t j = 0; j < count; j++, cosines += count, sines += count) {
    D even[tileVectors], odd[tileVectors];
    UNROLL for (int v = 0; v < tileVectors; v++) {
      even[v] = loadDouble(s.even + j * 16 + lane + v * lanes64);
      odd[v] = loadDouble(s.odd + j * 16 + lane + v * lanes64);
    }
    UNROLL for (int k = 0; k < Frequencies; k++) {
      const D c = splatDouble(cosines[k]);
      UNROLL for (int v = 0; v < tileVectors; v++) cosine[k][v] = fmaDouble(c, even[v], cosine[k][v]);
    }
    UNROLL for (int k = 0; k < Frequencies; k++) {
      const D c = splatDouble(sines[k]);
      UNROLL for (int v = 0; v < tileVectors; v++) sine[k][v] = fmaDouble(c, odd[v], sine[k][v]);
    }
  }
  UNROLL for (int v = 0; v < tileVectors; v++) {
    double *outerCosine = s.cosine + first * 16 + lane + v * lanes64,
           *outerSine = s.sine + first * 16 + lane + v * lanes64;
    D energy = x.energy[layer][v], fourth = x.fourth[layer][v], most = x.most[v];
    UNROLL for (int k = 0; k < Frequencies; k++) {
      const D c = cosine[k][v], d = sine[k][v], square = fmaDouble(c, c, d * d);
      energy += square;
      fourth = fmaDouble(square, square, fourth);
      if constexpr (layer == 1) {
        storeDouble(outerCosine + k * 16, c);
        storeDouble(outerSine + k * 16, d);
      } else {
        const auto larger = square > most;
        most = larger ? square : most;
        x.c[v] = larger ? c : x.c[v];
        x.d[v] = larger ? d : x.d[v];
        x.u[v] = larger ? loadDouble(outerCosine + k * 16) : x.u[v];
        x.v[v] = larger ? loadDouble(outerSine + k * 16) : x.v[v];
      }
    }
    x.energy[layer][v] = energy, x.fourth[layer][v] = fourth, x.most[v] = most;
  }
}

// The spectrum of a block's sixteen rows of one layer.
template <int layer>
static void transformRows(const Trainer& t, const float* rows, SpectralScratch& s, SpectralLanes* x) {
  foldRows(rows, t.modulus, s);
  for (int lane = 0; lane < 16; lane += tileVectors * lanes64, x++)
    forBalancedTiles(t.modulus / 2, spectralFrequencies, [&](int32_t first, int32_t frequencies) {
      withConstant<spectralFrequencies>(
        frequencies, [&](auto n) { spectralTile<decltype(n)::value, layer>(t, s, lane, first, *x); });
    });
}

// Sixteen lanes to one in the tree of `fold`.
static inline double sum64(const double* x) {
  typedef double Pair64 __attribute__((vector_size(16)));
  Pair64 a[8];
  __builtin_memcpy(a, x, sizeof a);
  const Pair64 b[4] = {a[0] + a[4], a[1] + a[5], a[2] + a[6], a[3] + a[7]};
  const Pair64 c = (b[0] + b[2]) + (b[1] + b[3]);
  return c[0] + c[1];
}

// Each neuron's share of the sums of its block.
struct SpectralShares {
  alignas(64) double rows[2][16], participation[2][16], fit[2][16];
  alignas(64) double both[16], neurons[16], misalignment[16];
};

static inline void shareLanes(const SpectralLanes& x, int v, int lane, SpectralShares& out) {
  const D zero = splatDouble(0), one = splatDouble(1);
  const D c = x.c[v], d = x.d[v], a = x.u[v], b = x.v[v], outer = fmaDouble(a, a, b * b);
  UNROLL for (int layer = 0; layer < 2; layer++) {
    const D energy = x.energy[layer][v];
    const auto any = energy > zero;
    const D inverse = one / energy;
    storeDouble(out.rows[layer] + lane, any ? one : zero);
    storeDouble(out.participation[layer] + lane, any ? x.fourth[layer][v] * inverse * inverse : zero);
    storeDouble(out.fit[layer] + lane, any ? (layer ? outer : x.most[v]) * inverse : zero);
  }
  // Without a theta, a and b are zero, and so is the fit of xi.
  const auto both = (x.energy[0][v] > zero) & (x.energy[1][v] > zero);
  storeDouble(out.both + lane, both ? one : zero);
  // e^{i phi} is (c - i d) / |c - i d| and e^{i psi} is (a - i b) / |a - i b|: sin(2 phi - psi) needs no
  // angle.
  const D scale = x.most[v] * squareRootDouble(outer);
  const D product = fmaDouble((c - d) * (c + d), b, splatDouble(-2) * c * d * a);
  const auto any = scale > zero;
  storeDouble(out.neurons + lane, any ? one : zero);
  storeDouble(out.misalignment + lane, any ? (product < zero ? -product : product) / scale : zero);
}

static void measureBlock(Trainer& t, int32_t block, SpectralScratch& s) {
  const size_t offset = (size_t)block * t.blockSize();
  SpectralLanes x[16 / lanes64 / tileVectors];
  memset(&x, 0, sizeof x);
  transformRows<1>(t, t.now.xi.weights + offset, s, x);
  transformRows<0>(t, t.now.theta.weights + offset, s, x);
  SpectralShares shares;
  UNROLL for (int i = 0; i < 16 / lanes64; i++)
    shareLanes(x[i / tileVectors], i % tileVectors, i * lanes64, shares);
  SpectralSums& sums = t.spectral[block];
  for (int layer = 0; layer < 2; layer++) {
    sums.rows[layer] = sum64(shares.rows[layer]);
    sums.participation[layer] = sum64(shares.participation[layer]);
    sums.fit[layer] = sum64(shares.fit[layer]);
  }
  sums.both = sum64(shares.both);
  sums.neurons = sum64(shares.neurons);
  sums.misalignment = sum64(shares.misalignment);
}

// From the sums of all blocks. 0/0, NaN, where no neuron has the measure.
static inline void meanMeasures(const Trainer& t, double* out) {
  SpectralSums total{};
  for (int32_t b = 0; b < t.blocks; b++) {
    const SpectralSums& x = t.spectral[b];
    for (int layer = 0; layer < 2; layer++) {
      total.rows[layer] += x.rows[layer];
      total.participation[layer] += x.participation[layer];
      total.fit[layer] += x.fit[layer];
    }
    total.both += x.both;
    total.neurons += x.neurons;
    total.misalignment += x.misalignment;
  }
  out[Measure::iprTheta] = total.participation[0] / total.rows[0];
  out[Measure::iprXi] = total.participation[1] / total.rows[1];
  out[Measure::meanAbsSinMisalignment] = total.misalignment / total.neurons;
  out[Measure::thetaCosineFit] = total.fit[0] / total.rows[0];
  out[Measure::xiCosineFit] = total.fit[1] / total.both;
}

}  // namespace grokbox::KERNEL_NAMESPACE
