import type { Kernels, Pass, WorkgroupLimits } from "./plan.ts";
import { type Constants, evenly, quadBytes, type Round } from "./shader.ts";

/** How the fused kernels are cut up for so many members or more; see fused-forward.wgsl and fused-backward.wgsl. */
export interface FusedTile {
  /** Networks of p = 23, M = 512; of smaller ones it takes more. */
  readonly members: number;
  /** At most; as many as leave the workgroups equally full. */
  readonly pairLanes: number;
  /** Left out: as many as make the most of the sums. */
  readonly differences?: number;
  /** Of an invocation of the forward kernel, in registers, at most; left out: 96. */
  readonly sums?: number;
  /** Quads of neurons that an invocation of the forward kernel fetches at once, which takes registers. */
  readonly ahead: number;
  /** Of a workgroup of the backward kernel, at most, and of an invocation: 1 or 2. */
  readonly neurons: number;
  readonly each: number;
  /** Whether the backward kernel keeps the logit gradient in workgroup memory, if there is room. */
  readonly staged: boolean;
  /** Whether it fetches a pair's before it needs it, which takes registers. */
  readonly rowAhead: boolean;
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
  { members: 1, pairLanes: 4, differences: 1, ahead: 4, neurons: 4, each: 1, staged: true, rowAhead: true },
  { members: 8, pairLanes: 8, ahead: 1, neurons: 16, each: 2, staged: false, rowAhead: false },
  { members: 88, pairLanes: 16, sums: 138, ahead: 1, neurons: 16, each: 2, staged: false, rowAhead: false },
];

/** Not to be fast, but to have all that the large ones have in a kernel that a software adapter compiles in a moment. */
const smallTiles: readonly FusedTile[] = [
  { members: 1, pairLanes: 8, differences: 1, ahead: 2, neurons: 8, each: 1, staged: true, rowAhead: true },
  { members: 3, pairLanes: 4, differences: 2, ahead: 1, neurons: 8, each: 2, staged: false, rowAhead: false },
];

/** Quads of weights that an invocation of the forward kernel can have in registers when it fetches ahead. */
const mostFetched = 24;

/** Bytes of one round of the forward kernel's partial sums: with more of them a multiprocessor's memory would have room for few workgroups. */
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
  const most = Math.min(modulus, tuning.segments ?? (isLarge ? 24 : 4));
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
  const sums = Math.min(tile.sums ?? 96, limits.sums);
  const DIFFERENCES = tile.differences ?? bestDifferences(modulus, sums);
  const logits = (ahead: number) => {
    const fetched = ahead > 1 ? Math.floor(mostFetched / ahead) : sums;
    return evenly(modulus, Math.min(fetched, Math.floor(sums / DIFFERENCES)));
  };
  let AHEAD = tile.ahead;
  // Sooner fewer ahead than fewer pairs.
  while (AHEAD > 1 && tile.pairLanes * PARTS * Math.ceil(modulus / logits(AHEAD)) > limits.invocations)
    AHEAD /= 2;
  const TJ = logits(AHEAD);
  const COLUMNS = Math.ceil(modulus / TJ);
  const roundSums = (lanes: number, count: number) =>
    PARTS * (Math.ceil((COLUMNS * count * lanes) / 32) * 32 + (lanes % 32));
  const countOf = (lanes: number) =>
    evenly(TJ, Math.max(1, Math.floor((roundBytes / (roundSums(lanes, TJ) * 4)) * TJ)));
  const bytes = (lanes: number) =>
    (roundSums(lanes, countOf(lanes)) + lanes * DIFFERENCES * (COLUMNS * TJ + 1 + 3 * 8 + 7)) * 4 + 64;
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
  const ENTRY_ITEMS = Math.ceil(DIFFERENCES / (PARTS * COLUMNS));
  const constants = { PAIR_LANES, PARTS, COLUMNS, TJ, DIFFERENCES, ROUND, AHEAD, ENTRY_ITEMS };
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
  let NEURONS = tile.neurons;
  let EACH = Math.min(tile.each, NEURONS / 4);
  const bytes = () => {
    const columns = NEURONS / EACH;
    const theta = modulus * (NEURONS + ((31 * NEURONS + columns) % 32));
    const rows = modulus * (NEURONS + 1);
    const segment = rows + ((31 * (rows + NEURONS + 1) + columns) % 32);
    return (theta + SEGMENTS * segment) * 4 + NEURONS * SEGMENTS * quadBytes + 64;
  };
  const isTooLarge = () => (NEURONS / EACH) * SEGMENTS > limits.invocations || bytes() > limits.memoryBytes;
  while (NEURONS > 4 && isTooLarge()) {
    NEURONS /= 2;
    EACH = Math.min(EACH, NEURONS / 4);
  }
  const GROUPS = Math.ceil((4 * quads) / NEURONS);
  const constants: Constants = {
    ...{ GROUPS, NEURONS, EACH, SEGMENTS, ROWS: Math.ceil(modulus / (4 * SEGMENTS)) },
    ...(tile.rowAhead ? { ROW_AHEAD: 1, ROW_NOW: 0 } : { ROW_AHEAD: 0, ROW_NOW: 1 }),
    // Quads of staged rows that an invocation fetches at once.
    FETCHES: evenly(Math.ceil(rowsBytes / quadBytes / ((NEURONS / EACH) * SEGMENTS)), 10),
  };
  return {
    constants,
    isStaged: tile.staged && bytes() + rowsBytes <= limits.memoryBytes,
    groups: [GROUPS + 1, 1] as const,
  };
}
