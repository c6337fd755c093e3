/** What comes of an iteration whose signal fires at its first item. */
export async function cancelledAtFirst(
  iterate: (signal: AbortSignal) => AsyncIterable<unknown>,
): Promise<{ seen: number; failure: unknown }> {
  const stop = new AbortController();
  let seen = 0;
  try {
    for await (const _ of iterate(stop.signal)) {
      seen++;
      stop.abort();
    }
  } catch (failure) {
    return { seen, failure };
  }
  return { seen, failure: undefined };
}
