import { type Health, HealthCheckResponse_ServingStatus as Status } from "@grokbox/proto/health";
import { GrokboxError } from "../sessions/errors.ts";
import type { Registry } from "../sessions/registry.ts";
import type { Handlers } from "./service.ts";

/**
 * The standard health service: every service takes calls until the shutdown begins. Our own rather than `grpc-health-check`, whose
 * descriptor reflection can't resolve and whose Watch streams never end.
 *
 * @param services - full names
 */
export function healthService(registry: Registry, services: readonly string[]): Handlers<typeof Health> {
  const known = (service: string) => service === "" || services.includes(service);
  const status = () => (registry.closing.aborted ? Status.NOT_SERVING : Status.SERVING);
  return {
    check: async ({ service }) => {
      if (known(service)) return { status: status() };
      const list = services.join(", ");
      throw new GrokboxError("SERVICE_NOT_FOUND", `there is no service ${service}; there are ${list}`, {
        service,
      });
    },
    watch: async function* ({ service }, { signal }) {
      yield { status: known(service) ? status() : Status.SERVICE_UNKNOWN };
      if (registry.closing.aborted) return;
      await aborted(AbortSignal.any([signal, registry.closing]));
      if (!signal.aborted && known(service)) yield { status: status() };
    },
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
