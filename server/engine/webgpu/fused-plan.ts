import type { Dispatch, Kernels, Pass, WorkgroupLimits } from "./plan.ts";
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
  /** Of a workgroup of the backward kernel, at most. */
  readonly neurons: number;
  /** Whether an invocation of it goes through all pairs of its neurons, where its registers allow: fused-backward-many.wgsl. */
  readonly many: boolean;
  /** Whether the other one, fused-backward.wgsl, keeps the whole logit gradient in workgroup memory, if there is room. */
  readonly staged: boolean;
}

/** What `planOf` chooses by itself where a value is left out. The first decides bits. */
export interface FusedTuning {
  readonly neuronParts?: number;
  /** Workgroups of a loop, however many turns they take; 0: there is none. */
  readonly atOnce?: number;
  readonly tiles?: readonly FusedTile[];
}

/** What tiles have in common whose work is spread over many small workgroups, and those that pack it into few large ones. */
const spread = { neurons: 4, many: false, staged: false } as const;
const packed = { ahead: 1, many: true, staged: false } as const;

/**
 * Few networks wait: for memory, for barriers, and for each other's dispatches, so their work is spread over many small workgroups. Many
 * compute: the larger an invocation's share, the fewer loads and additions of partial sums there are beside a multiply-add.
 */
export const largeTiles: readonly FusedTile[] = [
  { ...spread, members: 1, pairLanes: 1, differences: 3, ahead: 8, staged: true },
  { ...spread, members: 6, pairLanes: 4, differences: 3, ahead: 2 },
  { ...packed, members: 24, pairLanes: 12, differences: 3, neurons: 64 },
  { ...packed, members: 48, pairLanes: 8, differences: 3, neurons: 256 },
  { ...packed, members: 112, pairLanes: 8, differences: 6, sums: 138, neurons: 256 },
];

/** Not to be fast, but to have what the large ones have, each by itself, in kernels that a software adapter compiles in a moment. */
const smallTiles: readonly FusedTile[] = [
  { ...spread, members: 1, pairLanes: 8, differences: 1, ahead: 2, neurons: 8, staged: true },
  { ...packed, members: 3, pairLanes: 4, differences: 2, neurons: 32 },
];

/** Keeps weights in a way of its own. */
export const loopFile = "fused-loop.wgsl";

/** Numbers of the logit gradient that an invocation of it fetches at once. */
const mostWords = 40;

/** Where its workgroups are counted, before what they give each other. */
const loopHeadBytes = 256;

/** Quads of weights that an invocation of the forward kernel can have in registers when it fetches ahead. */
const mostFetched = 24;

/** Bytes of one round of the forward kernel's partial sums: with more of them a multiprocessor's memory would have room for few workgroups. */
const roundBytes = 12 << 10;

/** Residues of which fused-backward-many.wgsl has all that it keeps in registers; on a software adapter, of which it is compiled in a moment. */
const mostOfMany = ({ sums }: WorkgroupLimits) => (sums >= 64 ? 27 : 11);

/** Into which a row of logits is cut for its maximum and its sum, which decides bits; see fused-forward.wgsl. */
const pieces = 8;

/** Two dispatches a pass: as few as there can be, since gradients need all pairs and logits all neurons. Undefined where a workgroup has too little memory. */
export function fusedKernels(
  modulus: number,
  quads: number,
  pairs: number,
  limits: WorkgroupLimits,
  tuning: FusedTuning,
): Kernels | undefined {
  const isLarge = limits.sums >= 64;
  const PARTS = Math.min(tuning.neuronParts ?? (isLarge ? 16 : 4), Math.ceil(quads / 4) * 4);
  const runs = runsOf(modulus, pairs, limits);
  if (runs === undefined) return undefined;
  const JQ = Math.ceil(modulus / 4);
  const passes: Pass[] = [];
  for (const tile of tuning.tiles ?? (isLarge ? largeTiles : smallTiles)) {
    const size = isLarge ? (quads * pairs) / (128 * 276) : 1;
    const members = passes.length === 0 ? 1 : Math.max(1, Math.round(tile.members / size));
    // The larger tile, where a single network is large enough.
    while (passes.length > 0 && passes.at(-1)!.members >= members) passes.pop();
    const forward = forwardTile(modulus, quads, PARTS, limits, tile);
    const backward = backwardTile(modulus, quads, pairs, runs, limits, tile);
    const loop = passes.length === 0 ? looped(forward, backward, pairs, limits, tuning.atOnce) : undefined;
    if (loop !== undefined) passes.push({ members: 1, dispatches: [loop] });
    passes.push({ members: loop === undefined ? members : 2, dispatches: [apart(forward), apart(backward)] });
  }
  const [{ kernel, isLoop }] = passes[0].dispatches;
  const exchanged = (modulus + kernel.constants.TJ * kernel.constants.COLUMNS) * quads + pairs * (JQ + 2);
  return {
    passes,
    files: ["fused.wgsl"],
    constants: { JQ },
    forwardPartials: 1,
    backwardPartials: quads,
    logitGradientBytes: pairs * (JQ + 2) * quadBytes,
    scratchQuads: 0,
    exchangeBytes: isLoop ? loopHeadBytes + exchanged * quadBytes : 0,
  };
}

/** One of the two kernels, but for its entry point. */
interface Half {
  readonly name: string;
  /** Of `kernels/entries/`. */
  readonly entry: "forward" | "backward";
  readonly files: readonly string[];
  /** @param invocations - of a workgroup: as many as it needs or more */
  readonly constants: (invocations: number) => Constants;
  readonly rounds: readonly Round[];
  readonly groups: number;
  readonly invocations: number;
  readonly memoryBytes: number;
  /** Of theta, what a workgroup of the forward one fetches, if it can do so as fused-loop.wgsl has it. */
  readonly thetaQuads?: number;
  /** Of the backward one, if it has the whole logit gradient in it: all of it, the gradient's quads, and those of the neurons' weights. */
  readonly room?: { readonly quads: number; readonly rowQuads: number; readonly weightQuads: number };
}

function apart({ name, entry, files, constants, rounds, groups, invocations }: Half): Dispatch {
  const kernel = {
    entryPoint: "main",
    files: [`entries/${entry}.wgsl`, ...files],
    constants: { THREADS: invocations, LOOPED: 0, DISPATCHED: 1, ...constants(invocations) },
    rounds,
  };
  return { name, kernel, groups: [groups, 1] };
}

/**
 * Both halves as one kernel that makes many passes of one network. Undefined where the device isn't known to run enough of its workgroups
 * at once, or where one has not the memory of both.
 */
function looped(
  forward: Half,
  backward: Half,
  pairs: number,
  limits: WorkgroupLimits,
  given: number | undefined,
): Dispatch | undefined {
  const { thetaQuads } = forward;
  const { room } = backward;
  if (thetaQuads === undefined || room === undefined) return undefined;
  const more = Math.max(thetaQuads, laneSums + 2 * pairs, room.quads) - room.quads + room.weightQuads;
  if (forward.memoryBytes + backward.memoryBytes + more * quadBytes > limits.memoryBytes) return undefined;
  const wanted = Math.max(forward.groups, backward.groups);
  const groups = Math.min(wanted, given ?? limits.atOnce);
  // Where they have to take turns, dispatches are faster.
  if (groups === 0 || (given === undefined && groups < wanted)) return undefined;
  const THREADS = Math.max(forward.invocations, backward.invocations);
  const constants = { ...forward.constants(THREADS), ...backward.constants(THREADS) };
  const kernel = {
    entryPoint: "main",
    files: [
      ...forward.files,
      ...backward.files.map((file) => file.replace("rows/staged", "rows/exchanged")),
      loopFile,
    ],
    constants: {
      ...constants,
      ...{ THREADS, LOOPED: 1, DISPATCHED: 0, FENCED: 0, UNFENCED: 0, FORWARD_GROUPS: forward.groups },
      THETA_FETCHES: Math.ceil((4 * thetaQuads) / THREADS),
      FETCHES: evenly(Math.ceil((4 * room.rowQuads) / THREADS), mostWords),
      TRACE_FETCHES: Math.ceil((8 * pairs) / THREADS),
    },
    rounds: forward.rounds,
  };
  return { name: "fused-loop", kernel, groups: [groups, 1], isLoop: true };
}

function forwardTile(
  modulus: number,
  quads: number,
  PARTS: number,
  limits: WorkgroupLimits,
  tile: FusedTile,
): Half {
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
  const all = DIFFERENCES * TJ;
  const roundSums = (lanes: number, count: number) =>
    PARTS * (Math.ceil((COLUMNS * count * lanes) / 32) * 32 + (lanes % 32));
  const countOf = (lanes: number) =>
    evenly(all, Math.max(1, Math.floor((roundBytes / (roundSums(lanes, all) * 4)) * all)));
  const bytes = (lanes: number) => {
    const pairs = lanes * DIFFERENCES;
    const row = COLUMNS * TJ + 1;
    const sums = Math.max(roundSums(lanes, countOf(lanes)), pairs * (row + 4 * pieces));
    return (sums + pairs * (row + 5)) * 4 + 64;
  };
  const items = modulus * Math.ceil((modulus + 1) / 2 / DIFFERENCES);
  let PAIR_LANES = evenly(items, tile.pairLanes);
  const isTooLarge = () =>
    PAIR_LANES * PARTS * COLUMNS > limits.invocations || bytes(PAIR_LANES) > limits.memoryBytes;
  while (PAIR_LANES > 1 && isTooLarge()) PAIR_LANES = evenly(items, PAIR_LANES - 1);
  const ROUND = countOf(PAIR_LANES);
  const rounds: Round[] = Array.from({ length: Math.ceil(all / ROUND) }, (_, i) => ({
    first: i * ROUND,
    count: Math.min(ROUND, all - i * ROUND),
  }));
  const ENTRY_ITEMS = Math.ceil(DIFFERENCES / (PARTS * COLUMNS));
  const constants = {
    PAIR_LANES,
    PARTS,
    COLUMNS,
    TJ,
    DIFFERENCES,
    ROUND,
    AHEAD,
    ENTRY_ITEMS,
    PIECES: pieces,
    EVEN: Number(quads % (PARTS * AHEAD) === 0),
    FENCED: Number(AHEAD > 1),
    UNFENCED: Number(AHEAD === 1),
  };
  return {
    ...{ name: "fused-forward", entry: "forward", files: ["fused-forward.wgsl"] },
    ...{ constants: () => constants, rounds, groups: Math.ceil(items / PAIR_LANES) },
    ...{ invocations: PAIR_LANES * PARTS * COLUMNS, memoryBytes: bytes(PAIR_LANES) },
    ...(PAIR_LANES === 1 && { thetaQuads: (DIFFERENCES + 1) * quads }),
  };
}

/** Differences of an invocation, so that all pairs cost the fewest instructions a quad of neurons: multiply-adds, activations, loads. */
function bestDifferences(modulus: number, sums: number): number {
  const all = (modulus + 1) / 2;
  const cost = (d: number) => Math.ceil(all / d) * (4 * d * modulus + 8 * d + 1.5 * (modulus + d + 1));
  let best = 1;
  for (let d = 2; d <= all && d * modulus <= sums; d++) if (cost(d) < cost(best)) best = d;
  return best;
}

/** The runs of differences of a segment; see fused-gradient.wgsl. They decide bits. Undefined where a device has too little memory for any. */
function runsOf(modulus: number, pairs: number, limits: WorkgroupLimits): Round[] | undefined {
  const differences = (modulus + 1) / 2;
  for (const most of [Math.ceil(differences / 2), differences]) {
    const runs = Array.from({ length: Math.ceil(differences / most) }, (_, i) => ({
      first: i * most,
      count: Math.min(most, differences - i * most),
    }));
    const { invocations, memoryBytes } = segmentsTile(modulus, pairs, runs.length, 4, false);
    if (invocations <= limits.invocations && memoryBytes <= limits.memoryBytes) return runs;
  }
  return undefined;
}

/** Quads of the workgroup that sums the traces up; see fused-gradient.wgsl. */
const laneSums = 64;

/** What a workgroup of fused-backward.wgsl takes. */
function segmentsTile(modulus: number, pairs: number, runs: number, neurons: number, isStaged: boolean) {
  const quads = neurons / 4;
  const rowStride = Math.floor(Math.ceil(modulus / 4) / 2) * 2 + 1;
  const staged = isStaged ? pairs * rowStride : 0;
  const room = Math.max(laneSums, staged, modulus * runs * modulus * quads);
  const inQuads = room + (pairs + 2 * modulus + 8) * quads;
  return {
    invocations: neurons * modulus * runs,
    memoryBytes: modulus * neurons * 4 + inQuads * quadBytes + 64,
    ...(isStaged && {
      room: { quads: room, rowQuads: pairs * Math.ceil(modulus / 4), weightQuads: 2 * modulus * quads },
    }),
  };
}

/** And of fused-backward-many.wgsl. */
function neuronsTile(modulus: number, neurons: number) {
  const stride = Math.floor(neurons / 8) * 2 + 1;
  const rows = (modulus + 1) * Math.ceil(modulus / 4);
  const room = Math.max(laneSums, ((modulus + 1) / 2) * stride);
  return { invocations: neurons / 2, memoryBytes: (room + rows) * quadBytes + 64 };
}

function backwardTile(
  modulus: number,
  quads: number,
  pairs: number,
  runs: readonly Round[],
  limits: WorkgroupLimits,
  tile: FusedTile,
): Half {
  const differences = (modulus + 1) / 2;
  const JQ = Math.ceil(modulus / 4);
  const isMany = tile.many && modulus <= mostOfMany(limits);
  const taken = (neurons: number, isStaged = false) =>
    isMany ? neuronsTile(modulus, neurons) : segmentsTile(modulus, pairs, runs.length, neurons, isStaged);
  const isTooLarge = (neurons: number) => {
    const { invocations, memoryBytes } = taken(neurons);
    return invocations > limits.invocations || memoryBytes > limits.memoryBytes;
  };
  let NEURONS = Math.min(tile.neurons, 4 * quads);
  while (NEURONS > 4 && isTooLarge(NEURONS)) NEURONS = Math.ceil(NEURONS / 8) * 4;
  const isStaged = !isMany && tile.staged && taken(NEURONS, true).memoryBytes <= limits.memoryBytes;
  const GROUPS = Math.ceil((4 * quads) / NEURONS);
  const rows = (modulus * NEURONS) / 4;
  const rowLanes = (invocations: number) =>
    invocations >= 64 ? invocations - Math.ceil(invocations / 64) * 32 : Math.floor(invocations / 2);
  const name = isMany ? "fused-backward-many" : "fused-backward";
  const rowFiles = isMany ? [] : [`rows/${isStaged ? "staged" : "direct"}.wgsl`];
  return {
    ...{ name, entry: "backward", files: ["fused-gradient.wgsl", ...rowFiles, `${name}.wgsl`] },
    constants: (invocations) => ({
      ...{ GROUPS, NEURONS, RUNS: runs.length, RUN: runs[0].count },
      ...(isMany
        ? { FETCHES: Math.ceil((differences * JQ) / invocations) }
        : {
            ROWS: Math.ceil(rows / rowLanes(invocations)),
            // Quads of staged rows that an invocation fetches at once.
            FETCHES: evenly(Math.ceil(pairs / Math.max(1, Math.floor(invocations / JQ))), 10),
          }),
    }),
    ...{ rounds: runs, groups: GROUPS + 1 },
    ...taken(NEURONS, isStaged),
  };
}
