import { parseActivation } from "../model/activation.ts";
import type { Activation } from "../model/spec.ts";
import { activations } from "../model/spec.ts";
import { type FieldViolation, invalid } from "../sessions/errors.ts";
import { mostLabels } from "../sessions/settings.ts";

/** Collects what is wrong with a request, so that the caller hears all of it at once. */
export class Checks {
  readonly #violations: FieldViolation[] = [];

  fail(field: string, must: string, got?: unknown): void {
    this.#violations.push({ field, description: got === undefined ? must : `${must}; got ${show(got)}` });
  }

  add(violations: readonly FieldViolation[]): void {
    this.#violations.push(...violations);
  }

  /** What `check` finds wrong with a part of the request, each field renamed to what it is in the whole. */
  part<T>(rename: (field: string) => string, check: (part: Checks) => T): T {
    const part = new Checks();
    const result = check(part);
    this.add(part.#violations.map(({ field, description }) => ({ field: rename(field), description })));
    return result;
  }

  /** An integer in a range; `absent` when it is left out. */
  integer(
    field: string,
    value: number | bigint | undefined,
    min: number,
    max: number,
    absent: number,
  ): number;
  integer(
    field: string,
    value: number | bigint | undefined,
    min: number,
    max: number,
    absent?: undefined,
  ): number | undefined;
  integer(field: string, value: number | bigint | undefined, min: number, max: number, absent?: number) {
    if (value === undefined) return absent;
    const number = Number(value);
    if (Number.isInteger(number) && number >= min && number <= max) return number;
    this.fail(field, `must be an integer, ${min} to ${max}`, value);
    return min;
  }

  /** A finite number in a range; `absent` when it is left out. */
  number(
    field: string,
    value: number | undefined,
    range: { over?: number; max: number },
    absent: number,
  ): number {
    if (value === undefined) return absent;
    if (Number.isFinite(value) && value > (range.over ?? Number.NEGATIVE_INFINITY) && value <= range.max)
      return value;
    const over = range.over === undefined ? "finite" : `greater than ${range.over}`;
    const most = range.max < Number.MAX_VALUE ? `, at most ${range.max}` : "";
    this.fail(field, `must be ${over}${most}`, value);
    return absent;
  }

  /** p; 3 when it is wrong. */
  modulus(field: string, value: number): number {
    if (value % 2 === 1 && value >= 3 && value <= 199) return value;
    this.fail(field, "must be odd, 3 to 199", value);
    return 3;
  }

  /** Numbers that must all be in a range, at least one and at most so many. */
  numbers(
    field: string,
    values: readonly number[],
    range: { min?: number; over?: number; max: number },
    most: number,
  ): void {
    if (values.length === 0 || values.length > most)
      this.fail(field, `must be 1 to ${most} numbers`, values.length);
    const { min = Number.NEGATIVE_INFINITY, over = Number.NEGATIVE_INFINITY, max } = range;
    const wrong = values.findIndex(
      (value) => !(Number.isFinite(value) && value >= min && value > over && value <= max),
    );
    if (wrong < 0) return;
    const above = range.over === undefined ? [] : [`greater than ${range.over}`];
    const least = range.min === undefined ? [] : [`at least ${range.min}`];
    const upper = max < Number.MAX_VALUE ? [`at most ${max}`] : [];
    this.fail(
      `${field}[${wrong}]`,
      `must be ${["finite", ...above, ...least, ...upper].join(", ")}`,
      values[wrong],
    );
  }

  requestId(value: string, field = "request_id"): string {
    if (!isRequestId(value)) {
      this.fail(field, "must be at most 128 printable ASCII characters", value);
    }
    return value;
  }

  /** sessions/{id} */
  session(field: string, value: string): string {
    if (!sessionName.test(value)) this.fail(field, "must be sessions/{id}", value);
    return value;
  }

  /** sweeps/{id} */
  sweep(field: string, value: string): string {
    if (!sweepName.test(value)) this.fail(field, "must be sweeps/{id}", value);
    return value;
  }

  /** sessions/{id}/snapshots/{step} */
  snapshot(field: string, value: string): { session: string; step: number } {
    const match = snapshotName.exec(value);
    if (match === null || !Number.isSafeInteger(Number(match[2]))) {
      this.fail(field, "must be sessions/{id}/snapshots/{step}", value);
      return { session: "", step: 0 };
    }
    return { session: match[1]!, step: Number(match[2]) };
  }

  /** Either of the two above. */
  subject(field: string, value: string): { session: string; step: number | undefined } {
    if (sessionName.test(value)) return { session: value, step: undefined };
    if (snapshotName.test(value)) return this.snapshot(field, value);
    this.fail(field, "must be sessions/{id} or sessions/{id}/snapshots/{step}", value);
    return { session: "", step: undefined };
  }

  activation(field: string, value: string): Activation {
    const name = parseActivation(value);
    if (name === undefined) this.fail(field, `must be one of ${activations.join(", ")}`, value);
    return name ?? "relu";
  }

  /** Labels as Session.labels describes them. */
  labels(field: string, labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const entries = Object.entries(labels);
    if (entries.length > mostLabels) this.fail(field, `must be at most ${mostLabels} labels`, entries.length);
    for (const [key, value] of entries.slice(0, mostLabels)) {
      if (!/^[a-z][a-z0-9._/-]{0,62}$/.test(key)) {
        this.fail(
          `${field}[${show(key)}]`,
          "key must be 1 to 63 characters of [a-z0-9._/-] beginning with a letter",
          key,
        );
      }
      this.text(`${field}[${show(key)}]`, value);
    }
    return labels;
  }

  /** A title, a label or the value of one: at most 255 characters, as Unicode counts them. */
  text(field: string, value: string): string {
    const characters = [...value].length;
    if (characters > 255) this.fail(field, "must be at most 255 characters", characters);
    return value;
  }

  /** Fails with INVALID_FIELD when anything was wrong. */
  throwIfAny(): void {
    if (this.#violations.length > 0) throw invalid(this.#violations);
  }
}

/** Whether a request id, or none, may be one. */
export function isRequestId(value: string): boolean {
  return /^[\x20-\x7e]{0,128}$/.test(value);
}

const sessionName = /^sessions\/[a-z0-9-]{1,63}$/;
const sweepName = /^sweeps\/[a-z0-9-]{1,63}$/;
const snapshotName = /^(sessions\/[a-z0-9-]{1,63})\/snapshots\/(0|[1-9][0-9]{0,15})$/;

function show(value: unknown): string {
  if (typeof value !== "string") return String(value);
  const characters = [...value];
  return JSON.stringify(characters.length > 80 ? `${characters.slice(0, 79).join("")}…` : value);
}
