import type { IncomingHttpHeaders } from "node:http";

/** What a timer of Node waits at most, 24.8 days; one for longer is over at once. */
export const longestTimerMs = 2 ** 31 - 1;

const msOfUnit: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000 };

/**
 * Shortens what a caller allows its call (`grpc-timeout` of gRPC, `Connect-Timeout-Ms` of Connect) to what a timer waits. grpc-js and
 * Connect start one for whatever is asked for, and would end the call of whoever allows it years at once.
 */
export function shortenTimeout(headers: IncomingHttpHeaders): void {
  const [, amount, unit] = /^(\d{1,8})([HMS])$/.exec(String(headers["grpc-timeout"])) ?? [];
  if (unit !== undefined && Number(amount) * msOfUnit[unit]! > longestTimerMs) {
    headers["grpc-timeout"] = `${Math.floor(longestTimerMs / 1_000)}S`;
  }
  const [ms] = /^\d{1,10}$/.exec(String(headers["connect-timeout-ms"])) ?? [];
  if (Number(ms) > longestTimerMs) headers["connect-timeout-ms"] = String(longestTimerMs);
}
