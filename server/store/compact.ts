import type { Commit, StateInput } from "./rows.ts";

/** From here on it is cheaper to copy an array and move the copy than to have it cloned on the way, which copies twice. */
const movedBytes = 1 << 16;

export interface Parcel {
  readonly unit: Commit;
  readonly transfer: readonly ArrayBuffer[];
}

/**
 * A commit as it is sent to the store's thread. To send a view clones all of the memory behind it, so views of a part are copied out
 * first, as are views of shared memory, which others could change meanwhile, and large arrays. Those to be transferred stay.
 */
export function compactCommit(unit: Commit, transfer: readonly ArrayBuffer[]): Parcel {
  const moved = new Set<ArrayBufferLike>(transfer);
  const copies: ArrayBuffer[] = [];
  const compact = <T extends Float32Array | Uint8Array>(view: T): T => {
    const { buffer, byteLength } = view;
    if (moved.has(buffer)) return view;
    const whole = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength;
    if (whole && byteLength < movedBytes) return view;
    // Not `slice`: a Buffer's is a view, too.
    const copy = view instanceof Float32Array ? new Float32Array(view) : new Uint8Array(view);
    copies.push(copy.buffer);
    return copy as unknown as T;
  };
  const state = <T extends StateInput>(input: T): T => ({
    ...input,
    arrays: input.arrays.map((array) => ({ ...array, data: compact(array.data) })),
    train: compact(input.train),
  });
  const { putHeads, putSnapshots, appendProgress, putAnswers } = unit;
  const compacted = {
    ...unit,
    ...(putHeads && { putHeads: putHeads.map(state) }),
    ...(putSnapshots && { putSnapshots: putSnapshots.map(state) }),
    ...(appendProgress && {
      appendProgress: appendProgress.map((row) => ({ ...row, data: compact(row.data) })),
    }),
    ...(putAnswers && {
      putAnswers: putAnswers.map((answer) => ({ ...answer, response: compact(answer.response) })),
    }),
  };
  return { unit: compacted, transfer: [...transfer, ...copies] };
}
