import type { Call } from "./call.ts";
import { type ConfirmOptions, isConfirmed } from "./confirm.ts";
import { exitCodes } from "./exit-code.ts";
import { describe, failureOf, toJson } from "./failure.ts";

/** What is deleted, and how. */
export interface Deletion<T> {
  readonly command: string;
  readonly question: string;
  readonly nameOf: (one: T) => string;
  readonly forget: (one: T) => Promise<void>;
}

/** Asks on a terminal, deletes those that there are, and tells of each. Resolves to the exit code. */
export async function deleteEach<T>(
  all: readonly T[],
  { command, question, nameOf, forget }: Deletion<T>,
  call: Call<ConfirmOptions>,
): Promise<number> {
  const { output, interrupt } = call;
  if (!(await isConfirmed(question, call))) {
    output.say(["Nothing was deleted."]);
    return exitCodes.failure;
  }
  const deleted: string[] = [];
  let exitCode: number = exitCodes.ok;
  for (const one of all) {
    try {
      await forget(one);
      deleted.push(nameOf(one));
    } catch (error) {
      const failure = failureOf(error, interrupt, command);
      output.say(output.json ? [JSON.stringify(toJson(failure))] : describe(failure));
      exitCode ||= failure.exitCode;
      if (interrupt.aborted) break;
    }
  }
  output.result({ deleted }, () => deleted.map((name) => `${name} is deleted`));
  return exitCode;
}
