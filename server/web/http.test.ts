import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Registry } from "../sessions/registry.ts";
import { openTestRegistry } from "../sessions/testing/registry.ts";
import { serveWeb, type WebServer } from "./http.ts";
import { Metrics } from "./metrics.ts";

let registry: Registry;
let web: WebServer;
const metrics = new Metrics();
const defects: { readonly errorId: string; readonly error: unknown; readonly path: string }[] = [];

beforeEach(async () => {
  registry = await openTestRegistry({ threads: 1 });
  const onDefect = (errorId: string, error: unknown, path: string) => defects.push({ errorId, error, path });
  const parts = { registry, metrics, calls: () => {}, dashboard: "nowhere", origins: [], onDefect };
  web = await serveWeb(parts, "127.0.0.1", 0);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await web.close();
  await registry.shutDown();
  await registry.close();
});

test("a scrape that fails is written down as what it is, and its answer tells where to find it", async () => {
  const error = new Error("a gauge is broken");
  vi.spyOn(metrics, "text").mockRejectedValue(error);
  const answer = await fetch(`http://127.0.0.1:${web.port}/metrics`);
  expect(answer.status).toBe(500);
  const [defect] = defects.splice(0);
  expect(defect).toMatchObject({ path: "/metrics", error });
  expect(await answer.text()).toContain(defect!.errorId);
});
