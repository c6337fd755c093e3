import { type FieldViolation, GrokboxError } from "@grokbox/sdk";
import { Changes } from "./changes.ts";

/** Something that a person wanted and that failed. */
export interface Problem {
  /** Such as `can't pause`. */
  readonly what: string;
  /** What the server said. */
  readonly why: string;
  readonly violations: readonly FieldViolation[];
}

/** What failed and was not dismissed yet. */
export class Problems extends Changes {
  #shown: readonly Problem[] = [];

  get shown(): readonly Problem[] {
    return this.#shown;
  }

  show(what: string, error: unknown): void {
    const problem = describe(what, error);
    // The same again takes the place of the first.
    const others = this.#shown.filter(({ what, why }) => what !== problem.what || why !== problem.why);
    this.#shown = [...others, problem].slice(-5);
    this.tell();
  }

  dismiss(problem: Problem): void {
    this.#shown = this.#shown.filter((each) => each !== problem);
    this.tell();
  }
}

/** What a person filled in, where the server names a field of the request. */
const labels: Readonly<Record<string, string>> = { "plan.until_step": "“to step”" };

function describe(what: string, error: unknown): Problem {
  if (error instanceof GrokboxError) {
    const violations = error.violations.map((each) => ({ ...each, field: labels[each.field] ?? each.field }));
    return { what, why: inWords(error.rawMessage), violations };
  }
  return { what, why: error instanceof Error ? error.message : String(error), violations: [] };
}

function inWords(message: string): string {
  return Object.entries(labels).reduce((text, [field, label]) => text.replaceAll(field, label), message);
}
