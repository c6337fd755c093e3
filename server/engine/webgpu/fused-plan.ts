import type { Kernels, Pass, WorkgroupLimits } from "./plan.ts";
import { type Constants, evenly, quadBytes, type Round } from "./shader.ts";

/** How the fused kernels are cut up for so many members or more; see fused-forward.wgsl and fused-backward.wgsl. */
export interface FusedTile {
  /** Networks of p = 23, M = 512; of smaller ones it takes more. */
  readonly members: number;
  /** At most; as many as leave the workgroups equally full. */
  readonly pairLanes: number;
  /** Left out: as many as make the most of an invocation's registers. */
  readonly differences?: number;
  /** Whether the forward kernel fetches weights before it needs them, which takes registers. */
  readonly ahead: boolean;
  /** Of a workgroup of the backward kernel, and of an invocation: 1 or 2. */
  readonly neurons: number;
  readonly each: number;
  /** Whether the backward kernel keeps the logit gradient in workgroup memory, if there is room. */
  readonly staged: boolean;
}

/** What `planOf` chooses by itself where a value is left out. The first two decide bits. */
export interface FusedTuning {
  readonly neuronParts?: number;
  readonly segments?: number;
  readonly tiles?: readonly FusedTile[];
}

/**
 * Few networks wait: for memory, for barriers, and for each other's dispatches, so their work is spread over many small workgroups. Many
 * compute: the larger an invocation's share, the fewer loads and additions of partial sums there are beside a multiply-add.
 */
export const largeTiles: readonly FusedTile[] = [
  { members: 1, pairLanes: 4, differences: 1, ahead: true, neurons: 8, each: 1, staged: true },
  { members: 8, pairLanes: 8, ahead: false, neurons: 16, each: 1, staged: false },
  { members: 48, pairLanes: 16, ahead: false, neurons: 32, each: 2, staged: false },
];

/** Not to be fast, but to have all that the large ones have in a kernel that a software adapter compiles in a moment. */
const smallTiles: readonly FusedTile[] = [
  { members: 1, pairLanes: 8, differences: 1, ahead: true, neurons: 8, each: 1, staged: true },
  { members: 3, pairLanes: 4, differences: 2, ahead: false, neurons: 8, each: 2, staged: false },
];

/** Sums and fetched weights that an invocation of the forward kernel can have in registers, and logits of which it fetches weights ahead. */
const [mostSums, mostAhead] = [96, 12];

/** Bytes of one round of the forward kernel's partial sums: with them a few workgroups fit a multiprocessor. */
const roundBytes = 12 << 10;

/** Two kernels a pass: as few as there can be, since gradients need all pairs and logits all neurons. */
export function fusedKernels(
  modulus: number,
  quads: number,
  pairs: number,
  limits: WorkgroupLimits,
  tuning: FusedTuning,
): Kernels {
  const isLarge = limits.sums >= 64;
  const PARTS = Math.min(tuning.neuronParts ?? (isLarge ? 16 : 4), Math.ceil(quads / 4) * 4);
  const most = Math.min(modulus, tuning.segments ?? (isLarge ? 8 : 4));
  const SEGMENTS = Math.ceil(modulus / Math.ceil(modulus / most));
  const JQ = Math.ceil(modulus / 4);
  const passes: Pass[] = [];
  for (const tile of tuning.tiles ?? (isLarge ? largeTiles : smallTiles)) {
    const size = isLarge ? (quads * pairs) / (128 * 276) : 1;
    const members = passes.length === 0 ? 1 : Math.max(1, Math.round(tile.members / size));
    // The larger tile, where a single network is large enough.
    if (passes.at(-1)?.members === members) passes.pop();
    const forward = forwardTile(modulus, PARTS, limits, tile);
    const backward = backwardTile(modulus, quads, pairs, SEGMENTS, limits, tile);
    const list = [
      { entryPoint: "forward", files: ["fused-forward.wgsl"], ...forward },
      {
        entryPoint: "backward",
        files: [`rows/${backward.isStaged ? "staged" : "direct"}.wgsl`, "fused-backward.wgsl"],
        constants: backward.constants,
        groups: backward.groups,
      },
    ];
    passes.push({ members, kernels: list });
  }
  return {
    passes,
    files: ["fused.wgsl"],
    constants: { JQ },
    forwardPartials: 1,
    backwardPartials: quads,
    logitGradientBytes: pairs * (JQ + 2) * quadBytes,
    scratchQuads: 0,
  };
}

function forwardTile(modulus: number, PARTS: number, limits: WorkgroupLimits, tile: FusedTile) {
  const sums = Math.min(mostSums, limits.sums);
  const DIFFERENCES = tile.differences ?? bestDifferences(modulus, sums);
  const TJ = evenly(modulus, Math.min(tile.ahead ? mostAhead : sums, Math.floor(sums / DIFFERENCES)));
  const COLUMNS = Math.ceil(modulus / TJ);
  const roundSums = (lanes: number, count: number) =>
    PARTS * (Math.ceil((COLUMNS * count * lanes) / 32) * 32 + (lanes % 32));
  const countOf = (lanes: number) =>
    evenly(TJ, Math.max(1, Math.floor((roundBytes / (roundSums(lanes, TJ) * 4)) * TJ)));
  const bytes = (lanes: number) =>
    (roundSums(lanes, countOf(lanes)) + lanes * DIFFERENCES * (COLUMNS * TJ + 1 + 3 * 4 + 6)) * 4 + 64;
  const items = modulus * Math.ceil((modulus + 1) / 2 / DIFFERENCES);
  let PAIR_LANES = evenly(items, tile.pairLanes);
  const isTooLarge = () =>
    PAIR_LANES * PARTS * COLUMNS > limits.invocations || bytes(PAIR_LANES) > limits.memoryBytes;
  while (PAIR_LANES > 1 && isTooLarge()) PAIR_LANES = evenly(items, PAIR_LANES - 1);
  const ROUND = countOf(PAIR_LANES);
  const rounds: Round[] = Array.from({ length: Math.ceil(TJ / ROUND) }, (_, i) => ({
    first: i * ROUND,
    count: Math.min(ROUND, TJ - i * ROUND),
  }));
  const [AHEAD, BY_TURNS] = tile.ahead ? [1, 0] : [0, 1];
  const constants = { PAIR_LANES, PARTS, COLUMNS, TJ, DIFFERENCES, ROUND, AHEAD, BY_TURNS };
  return { constants, rounds, groups: [Math.ceil(items / PAIR_LANES), 1] as const };
}

/** Differences of an invocation, so that all pairs cost the fewest instructions a quad of neurons: multiply-adds, activations, loads. */
function bestDifferences(modulus: number, sums: number): number {
  const all = (modulus + 1) / 2;
  const cost = (d: number) => Math.ceil(all / d) * (4 * d * modulus + 8 * d + 1.5 * (modulus + d + 1));
  let best = 1;
  for (let d = 2; d <= all && d * modulus <= sums; d++) if (cost(d) < cost(best)) best = d;
  return best;
}

function backwardTile(
  modulus: number,
  quads: number,
  pairs: number,
  SEGMENTS: number,
  limits: WorkgroupLimits,
  tile: FusedTile,
) {
  const rowsBytes = pairs * Math.ceil(modulus / 4) * quadBytes;
  const EACH = tile.each;
  const bytes = (neurons: number) => {
    const columns = neurons / EACH;
    const theta = modulus * (neurons + ((31 * neurons + columns) % 32));
    const rows = modulus * (neurons + 1);
    const segment = rows + ((31 * (rows + neurons + 1) + columns) % 32);
    return (theta + SEGMENTS * segment) * 4 + neurons * SEGMENTS * quadBytes + 64;
  };
  let NEURONS = tile.neurons;
  const isTooLarge = () =>
    (NEURONS / EACH) * SEGMENTS > limits.invocations || bytes(NEURONS) > limits.memoryBytes;
  while (NEURONS > 4 * EACH && isTooLarge()) NEURONS /= 2;
  const GROUPS = Math.ceil((4 * quads) / NEURONS);
  const constants: Constants = { GROUPS, NEURONS, EACH, SEGMENTS, ROWS: Math.ceil(modulus / (4 * SEGMENTS)) };
  return {
    constants,
    isStaged: tile.staged && bytes(NEURONS) + rowsBytes <= limits.memoryBytes,
    groups: [GROUPS + 1, 1] as const,
  };
}
