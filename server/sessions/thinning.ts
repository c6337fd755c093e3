/**
 * How a watcher wants a long history thinned out: to the points whose sequence is 1 more than a multiple of the stride, a power of two,
 * and the newest. The first of all, sequence 1, is always among them.
 */
export interface Thinning {
  /** Points to hold at most, 2 or more. */
  readonly maxPoints: number;
  /** The stride of what the watcher holds has already; it never becomes less. */
  readonly stride: number;
  /** Sequence of the first point that it holds; 0 when it holds none. */
  readonly first: number;
}

/** The least stride, `atLeast` or more, that leaves no more than `maxPoints` of the sequences first to last. */
export function strideFor(first: number, last: number, maxPoints: number, atLeast = 1): number {
  const kept = (stride: number) => Math.ceil(last / stride) - Math.ceil((first - 1) / stride);
  let stride = atLeast;
  while (kept(stride) + (isKept(last, stride) ? 0 : 1) > maxPoints) stride *= 2;
  return stride;
}

function isKept(sequence: number, stride: number): boolean {
  return (sequence - 1) % stride === 0;
}

/** The first sequence, `sequence` or later, that a stride leaves. */
export function nextKept(sequence: number, stride: number): number {
  return Math.ceil((sequence - 1) / stride) * stride + 1;
}
