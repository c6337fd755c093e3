import type { SpecInput } from "../../../model/spec-input.ts";
import type { Axis } from "../../../model/sweep-grid.ts";
import type { Registry } from "../../registry.ts";
import { openTestRegistry, type TestRegistryOptions } from "../../testing/registry.ts";
import type { SweepDefinition } from "../definition.ts";
import type { Sweep } from "../sweep.ts";
import { Sweeps } from "../sweeps.ts";

export interface Box {
  readonly registry: Registry;
  readonly sweeps: Sweeps;
  close(): Promise<void>;
}

/** Sweeps over a real engine and a real store, with what that has. Defects are thrown. */
export async function openBox(options: TestRegistryOptions = {}): Promise<Box> {
  const registry = await openTestRegistry({ threads: 1, ...options });
  const sweeps = new Sweeps(registry, (error) => {
    throw error;
  });
  await registry.restore({ resume: true });
  await sweeps.restore({ resume: true });
  return {
    registry,
    sweeps,
    close: async () => {
      sweeps.stop();
      await registry.shutDown();
      await sweeps.shutDown();
      await registry.close();
    },
  };
}

const base: SpecInput = { modulus: 7, width: 16 };

/** Of a small network, 2 groups of 3 seeds, 120 steps a run. */
export function definition(
  changes: Partial<SweepDefinition> & { readonly axes?: readonly Axis[] } = {},
): SweepDefinition {
  const { axes = [{ parameter: "weightDecay", values: [0, 2] }], ...rest } = changes;
  return {
    cells: { kind: "grid", base: { preset: "grokking", input: base }, axes },
    seeds: [1, 2, 3],
    title: "",
    labels: {},
    plan: { untilStep: 120, stopWhen: [], snapshotAt: [], recordEvery: 10, recordAt: [] },
    engine: "",
    maxParallel: 4,
    keepSessions: false,
    refuseInvalid: false,
    ...rest,
  };
}

export const start = ({ sweeps }: Box, what: SweepDefinition) => sweeps.start(what, () => undefined);

const never = new AbortController().signal;

export async function ended(sweep: Sweep): Promise<void> {
  while (sweep.state === "running") await sweep.changed(1_000, never);
}

/** Waits until so many runs have finished. */
export async function finished(sweep: Sweep, runs: number): Promise<void> {
  while (sweep.ledger.done < runs && sweep.state === "running") await sweep.changed(1_000, never);
}

/** All that is kept of every finished run but for when it finished, in the order of the runs. */
export async function results({ registry }: Box, { id, ledger }: Sweep) {
  const { rows, damaged } = await registry.store.readSweepRange(id, 0, ledger.runs);
  if (damaged.length > 0) throw new Error("a run is damaged");
  return rows.map(({ run, outcome, steps, body, curve }) => ({
    ...{ run, outcome, steps, body },
    curve: Buffer.from(curve).toString("hex"),
  }));
}
