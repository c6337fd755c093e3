import type { SessionRow, SnapshotInput } from "../rows.ts";

export function session(id: string, ordinal: number, changes: Partial<SessionRow> = {}): SessionRow {
  return {
    id,
    ordinal,
    createTimeMs: 1_700_000_000_000 + ordinal,
    epoch: `epoch of ${id}`,
    parent: null,
    state: "paused",
    step: 0,
    spec: { modulus: 23, activation: "relu" },
    body: { labels: { series: "α" } },
    ...changes,
  };
}

/** A state whose arrays differ from step to step and from session to session. */
export function state(
  session: string,
  step: number,
  { values = 64, ...changes }: Partial<SnapshotInput> & { readonly values?: number } = {},
): SnapshotInput {
  const salt = (session.charCodeAt(0) % 32) * 64;
  const array = (name: string, offset: number) => {
    const data = new Float32Array(values);
    for (let i = 0; i < values; i += 1) data[i] = (i % 1_009) / 1_009 + step + offset + salt;
    return { name, shape: [values / 8, 8], data };
  };
  return {
    session,
    step,
    meta: { sequence: step * 10, stages: [] },
    arrays: [array("theta", 0), array("xi", 0.5)],
    train: Uint8Array.from({ length: 23 * 23 }, (_, i) => (i + step) % 2),
    createTimeMs: 1_700_000_000_000 + step,
    kind: "user",
    pinned: false,
    ...changes,
  };
}
