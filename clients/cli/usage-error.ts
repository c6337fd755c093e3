/** What a person typed, or wrote into a file, can't be understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
