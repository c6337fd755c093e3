/** The names of gRPC's status codes, each at its number. */
const names = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** How a call failed, by the name of its gRPC status code. */
export type Code = Exclude<(typeof names)[number], "OK">;

/** The name of a status code's number. `UNKNOWN` for what is none, as gRPC prescribes, and for OK, which is no failure. */
export function codeOf(number: number): Code {
  const name = names[number];
  return name === undefined || name === "OK" ? "UNKNOWN" : name;
}
