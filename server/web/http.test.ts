import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Registry } from "../sessions/registry.ts";
import { openTestRegistry } from "../sessions/testing/registry.ts";
import { serveWeb, type WebServer } from "./http.ts";
import { Metrics } from "./metrics.ts";

let registry: Registry;
let web: WebServer;
const metrics = new Metrics();
const defects: { readonly errorId: string; readonly error: Error }[] = [];

beforeEach(async () => {
  registry = await openTestRegistry({ threads: 1 });
  const onDefect = (errorId: string, error: unknown) => defects.push({ errorId, error: error as Error });
  const parts = { registry, metrics, calls: () => {}, dashboard: "nowhere", origins: [], onDefect };
  web = await serveWeb(parts, "127.0.0.1", 0);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await web.close();
  await registry.shutDown();
  await registry.close();
});

test("a scrape that fails is written down, and its answer tells where to find it", async () => {
  const cause = new Error("a gauge is broken");
  vi.spyOn(metrics, "text").mockRejectedValue(cause);
  const answer = await fetch(`http://127.0.0.1:${web.port}/metrics`);
  expect(answer.status).toBe(500);
  const [defect] = defects.splice(0);
  expect(defect!.error).toMatchObject({ message: "/metrics can't be answered", cause });
  expect(await answer.text()).toContain(defect!.errorId);
});
