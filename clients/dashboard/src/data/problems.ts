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

function describe(what: string, error: unknown): Problem {
  if (error instanceof GrokboxError) return { what, why: error.rawMessage, violations: error.violations };
  return { what, why: error instanceof Error ? error.message : String(error), violations: [] };
}
