// Spectral progress measures of the present weights, in float64: the mean inverse participation ratio of the
// rows of theta and of xi, and the mean |sin D|. The definitions, and which rows have no part in them, are
// those of model/spectral-measures.ts.
//
// The lanes are neurons, as in the backward pass. cos is even and sin odd in j, so the even and the odd part
// of a row are transformed apart, K^2 multiply-adds each. A block's sums are taken in its own lanes, and the
// blocks' sums in their order, so nothing depends on the number of threads.
#pragma once
#include "tiles.h"
#include "trainer.h"

namespace grokbox::KERNEL_NAMESPACE {

// p <= 208, as in logits64.h.
constexpr int mostFrequencies = 104;

struct SpectralScratch {
  // One row a frequency or residue 1..K, sixteen neurons each.
  alignas(64) double even[mostFrequencies * 16], odd[mostFrequencies * 16];
  // Of theta, then of xi, but for the factor sqrt(2/p), which no measure sees.
  alignas(64) double cosine[2][mostFrequencies * 16], sine[2][mostFrequencies * 16];
};

// Even and odd part of sixteen rows [p, 16], less their first entries: no nonzero frequency sees those, and a
// constant row then has exactly no energy.
NOINLINE void foldRows(const float* __restrict rows, int32_t p, double* __restrict even,
                       double* __restrict odd) {
  for (int lane = 0; lane < 16; lane += lanes64) {
    const D first = loadWidened(rows + lane);
    for (int32_t j = 1; j <= p / 2; j++) {
      const D ahead = loadWidened(rows + j * 16 + lane) - first,
              behind = loadWidened(rows + (p - j) * 16 + lane) - first;
      storeDouble(even + (j - 1) * 16 + lane, ahead + behind);
      storeDouble(odd + (j - 1) * 16 + lane, ahead - behind);
    }
  }
}

// out[k] = sum_j table[j][k] folded[j] at `Frequencies` frequencies, in `tileVectors` vectors of neurons.
template <int Frequencies>
NOINLINE void spectralTile(const double* __restrict folded, const double* __restrict table, int32_t count,
                           double* __restrict out) {
  D sums[Frequencies][tileVectors];
  UNROLL for (int k = 0; k < Frequencies; k++) UNROLL for (int v = 0; v < tileVectors; v++) sums[k][v] =
      splatDouble(0);
  for (int32_t j = 0; j < count; j++) {
    D x[tileVectors];
    UNROLL for (int v = 0; v < tileVectors; v++) x[v] = loadDouble(folded + j * 16 + v * lanes64);
    UNROLL for (int k = 0; k < Frequencies; k++) {
      const D s = splatDouble(table[j * count + k]);
      UNROLL for (int v = 0; v < tileVectors; v++) sums[k][v] = fmaDouble(s, x[v], sums[k][v]);
    }
  }
  UNROLL for (int k = 0; k < Frequencies; k++) UNROLL for (int v = 0; v < tileVectors; v++)
      storeDouble(out + k * 16 + v * lanes64, sums[k][v]);
}

// The cosine and sine coefficients of a block's sixteen rows of one layer.
static void transformRows(const Trainer& t, const float* rows, SpectralScratch& s, double* cosine,
                          double* sine) {
  const int32_t count = t.modulus / 2;
  foldRows(rows, t.modulus, s.even, s.odd);
  for (int lane = 0; lane < 16; lane += tileVectors * lanes64)
    forBalancedTiles(count, tileOutputs, [&](int32_t k, int32_t frequencies) {
      withConstant<tileOutputs>(frequencies, [&](auto n) {
        const auto tile = spectralTile<decltype(n)::value>;
        tile(s.even + lane, t.cosines + k, count, cosine + k * 16 + lane);
        tile(s.odd + lane, t.sines + k, count, sine + k * 16 + lane);
      });
    });
}

// Sixteen lanes to one in the tree of `fold`.
static inline double sum64(double* x) {
  for (int width = 8; width > 0; width /= 2)
    for (int i = 0; i < width; i++) x[i] += x[i + width];
  return x[0];
}

// Each neuron's share of the sums of its block.
struct SpectralLanes {
  alignas(64) double rows[2][16], participation[2][16], neurons[16], misalignment[16];
};

// Sums squares and fourth powers of both layers' amplitudes over the frequencies, and keeps the coefficients
// at theta's largest, the lowest of equals. Comparisons are written so that a NaN leaves its neuron out.
NOINLINE void measureLanes(const SpectralScratch& s, int32_t count, int lane, SpectralLanes& out) {
  const D zero = splatDouble(0), one = splatDouble(1);
  D energy[2] = {zero, zero}, fourth[2] = {zero, zero};
  D most = zero, c = zero, d = zero, u = zero, v = zero;
  for (int32_t i = lane; i < count * 16; i += 16) {
    D cosine[2], sine[2], square[2];
    UNROLL for (int layer = 0; layer < 2; layer++) {
      cosine[layer] = loadDouble(s.cosine[layer] + i);
      sine[layer] = loadDouble(s.sine[layer] + i);
      square[layer] = fmaDouble(cosine[layer], cosine[layer], sine[layer] * sine[layer]);
      energy[layer] += square[layer];
      fourth[layer] = fmaDouble(square[layer], square[layer], fourth[layer]);
    }
    const auto larger = square[0] > most;
    most = larger ? square[0] : most;
    c = larger ? cosine[0] : c;
    d = larger ? sine[0] : d;
    u = larger ? cosine[1] : u;
    v = larger ? sine[1] : v;
  }
  UNROLL for (int layer = 0; layer < 2; layer++) {
    const auto any = energy[layer] > zero;
    storeDouble(out.rows[layer] + lane, any ? one : zero);
    const D ratio = fourth[layer] / (energy[layer] * energy[layer]);
    storeDouble(out.participation[layer] + lane, any ? ratio : zero);
  }
  // e^{i phi} is (c - i d) / |c - i d| and e^{i psi} is (u - i v) / |u - i v|: sin(2 phi - psi) needs no
  // angle.
  const D scale = most * squareRootDouble(fmaDouble(u, u, v * v));
  const D product = fmaDouble((c - d) * (c + d), v, splatDouble(-2) * c * d * u);
  const auto any = scale > zero;
  storeDouble(out.neurons + lane, any ? one : zero);
  storeDouble(out.misalignment + lane, any ? (product < zero ? -product : product) / scale : zero);
}

static void measureBlock(Trainer& t, int32_t block, SpectralScratch& s) {
  const size_t offset = (size_t)block * t.blockSize();
  transformRows(t, t.now.theta.weights + offset, s, s.cosine[0], s.sine[0]);
  transformRows(t, t.now.xi.weights + offset, s, s.cosine[1], s.sine[1]);
  SpectralLanes x;
  for (int lane = 0; lane < 16; lane += lanes64) measureLanes(s, t.modulus / 2, lane, x);
  SpectralSums& sums = t.spectral[block];
  for (int layer = 0; layer < 2; layer++) {
    sums.rows[layer] = sum64(x.rows[layer]);
    sums.participation[layer] = sum64(x.participation[layer]);
  }
  sums.neurons = sum64(x.neurons);
  sums.misalignment = sum64(x.misalignment);
}

// From the sums of all blocks. 0/0, NaN, where no neuron has the measure.
static inline void meanMeasures(const Trainer& t, double* out) {
  SpectralSums total{};
  for (int32_t b = 0; b < t.blocks; b++) {
    const SpectralSums& x = t.spectral[b];
    for (int layer = 0; layer < 2; layer++) {
      total.rows[layer] += x.rows[layer];
      total.participation[layer] += x.participation[layer];
    }
    total.neurons += x.neurons;
    total.misalignment += x.misalignment;
  }
  out[Measure::iprTheta] = total.participation[0] / total.rows[0];
  out[Measure::iprXi] = total.participation[1] / total.rows[1];
  out[Measure::meanAbsSinMisalignment] = total.misalignment / total.neurons;
}

}  // namespace grokbox::KERNEL_NAMESPACE
