import type { GrokboxError } from "@grokbox/sdk";

/** What a script can tell from how a command ended. They never change their meaning. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  notFound: 3,
  state: 4,
  unavailable: 5,
} as const;

export type ExitCode = number;

/** For help and documentation, in the order of the codes. */
export const exitCodeMeanings: readonly (readonly [number, string])[] = [
  [0, "done"],
  [1, "failed for another reason"],
  [2, "the command line is wrong, or the server refused a value"],
  [3, "no such session, snapshot or sweep"],
  [4, "wrong state or step, diverged, or a run that ended early"],
  [5, "no server answers, or not in time"],
  [130, "interrupted with Ctrl-C; what runs on the server goes on"],
];

const codes: Readonly<Partial<Record<GrokboxError["code"], number>>> = {
  INVALID_ARGUMENT: exitCodes.usage,
  OUT_OF_RANGE: exitCodes.usage,
  NOT_FOUND: exitCodes.notFound,
  FAILED_PRECONDITION: exitCodes.state,
  ABORTED: exitCodes.state,
  UNAVAILABLE: exitCodes.unavailable,
  DEADLINE_EXCEEDED: exitCodes.unavailable,
};

export function exitCodeOf({ code }: Pick<GrokboxError, "code">): number {
  return codes[code] ?? exitCodes.failure;
}
