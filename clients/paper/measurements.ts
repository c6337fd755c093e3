import type { CurveRow } from "./curve.ts";
import { idOf, type Published } from "./published.ts";

/** What was measured, by the ids of the catalogue. */
export class Measurements {
  readonly #values = new Map<string, number>();

  /** Takes in what there is: what a state can't have is undefined or null. */
  add(of: Published["of"], where: string, values: Readonly<Record<string, number | null | undefined>>): void {
    for (const [measure, value] of Object.entries(values)) {
      if (value !== undefined && value !== null) this.#values.set(idOf(of, where, measure), value);
    }
  }

  addCurve(of: Published["of"], curve: readonly CurveRow[]): void {
    for (const { step, ...values } of curve) this.add(of, `step ${step}`, values);
  }

  get(id: string): number | undefined {
    return this.#values.get(id);
  }
}
