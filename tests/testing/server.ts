import type { Config } from "../../server/config.ts";
import { type EngineOpeners, engineOpeners } from "../../server/engines.ts";
import { type RunningServer, startServer } from "../../server/server.ts";

/**
 * A server in the process of a test, on free ports and without a log. On one thread: another test computes on the other core, and two threads
 * of one network would wait twice a step for whichever of them has no core at the moment.
 */
export function startTestServer(
  values: Partial<Config> = {},
  openers: EngineOpeners = engineOpeners,
): Promise<RunningServer> {
  return startServer({ port: 0, logLevel: "silent", threads: 1, ...values }, openers);
}
