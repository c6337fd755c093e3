import type { Checks } from "../messages/checks.ts";
import type { Registry } from "../sessions/registry.ts";

/** Of any request that chooses an engine. Fails with ENGINE_ABSENT for one that there could be, and is not. */
export function checkEngine(checks: Checks, registry: Registry, engine: string): void {
  if (engine === "" || engine === "auto") return;
  if (registry.knowsEngine(engine)) {
    registry.engine(engine);
    return;
  }
  const names = ["auto", ...registry.engines.map((offered) => offered.engine.name)];
  checks.fail("engine", `must be empty or one of ${names.join(", ")}`, engine);
}
