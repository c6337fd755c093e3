import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { LiveEventSchema, LiveRequestSchema } from "@grokbox/proto/live";
import { afterAll, beforeAll, expect, test } from "vitest";
import { completeSpec } from "../model/presets.ts";
import { GrokboxError } from "../sessions/errors.ts";
import type { Registry } from "../sessions/registry.ts";
import type { Sight } from "../sessions/roster.ts";
import { openTestRegistry } from "../sessions/testing/registry.ts";
import {
  decodeLiveRequest,
  failureEvent,
  liveEvent,
  parseLiveQuestion,
  progressEvent,
  sessionsEvent,
} from "./live.ts";

let registry: Registry;
let sights: Sight[];

beforeAll(async () => {
  registry = await openTestRegistry({ threads: 1 });
  for (let i = 0; i < 5; i++) {
    const spec = completeSpec({ modulus: 3, width: 8 }, "standard");
    const labels = { i: String(i), script: "</script><script>alert(1)</script>" };
    await registry.start({ spec, preset: "standard", labels, engine: "auto", recordEvery: 100 });
  }
  sights = [...registry.all()].map((session) => ({ session }));
});

afterAll(async () => {
  await registry.shutDown();
  await registry.close();
});

const decode = (bytes: Uint8Array) => fromBinary(LiveEventSchema, bytes);

test("a change that is made of the parts of its sessions decodes to all of them, in order", () => {
  const frame = liveEvent(
    4_294_967_295,
    sessionsEvent({ changed: sights, removed: ["sessions/x"], complete: true }),
  );
  const { subscription, event } = decode(frame);
  expect(subscription).toBe(4_294_967_295);
  if (event.case !== "sessions") return expect.fail(`it is ${event.case}`);
  expect(event.value.changed.map(({ labels }) => labels.i)).toEqual(["0", "1", "2", "3", "4"]);
  expect(event.value.changed[0]!.labels.script).toBe("</script><script>alert(1)</script>");
  expect(event.value).toMatchObject({ removed: ["sessions/x"], complete: true });
  // As one message would be that was encoded at once.
  expect(decode(toBinary(LiveEventSchema, create(LiveEventSchema, { subscription, event })))).toEqual(
    decode(frame),
  );
});

test("a change without sessions, and one that completes nothing, are a change all the same", () => {
  for (const complete of [false, true]) {
    const { event } = decode(liveEvent(1, sessionsEvent({ changed: [], removed: [], complete })));
    expect(event).toMatchObject({ case: "sessions", value: { changed: [], removed: [], complete } });
  }
});

test.skipIf(!existsSync("/usr/bin/protoc"))("protoc reads such a change as all of its sessions too", () => {
  const frame = liveEvent(7, sessionsEvent({ changed: sights, removed: [], complete: true }));
  const proto = join(import.meta.dirname, "../../proto");
  const { stdout, stderr, status } = spawnSync(
    "/usr/bin/protoc",
    ["--decode=grokbox.v1.LiveEvent", `-I${proto}`, "grokbox/v1/live.proto"],
    { input: frame, encoding: "utf8" },
  );
  expect(stderr).toBe("");
  expect(status).toBe(0);
  expect([...stdout.matchAll(/^ {4}name: "(.*)"/gm)].map(([, name]) => name)).toEqual(
    sights.map(({ session }) => session.name),
  );
  expect(stdout).toContain("complete: true");
});

test("a batch is encoded once for all who get the same points", () => {
  const points = sights[0]!.session.log.read(1, 10);
  const batch = { kind: "batch", points, stride: 4 } as const;
  expect(progressEvent(batch)).toBe(progressEvent({ ...batch }));
  const { event } = decode(liveEvent(1, progressEvent(batch)));
  expect(event).toMatchObject({ case: "batch", value: { stride: 4n, points: [{ sequence: 1n, step: 0n }] } });
});

test("a failure tells its reason, and nothing of a defect but an id", () => {
  const logged: unknown[] = [];
  const known = failureEvent(new GrokboxError("SESSION_NOT_FOUND", "there is none"), () => logged.push(0));
  expect(decode(known).event).toMatchObject({
    case: "failure",
    value: { code: 5, message: "there is none" },
  });
  expect(logged).toEqual([]);
  const defect = decode(failureEvent(new Error("secret"), (id, error) => logged.push(id, error))).event;
  expect(defect).toMatchObject({ case: "failure", value: { code: 13 } });
  expect(JSON.stringify(defect.value, (_, v) => (typeof v === "bigint" ? `${v}` : v))).not.toContain(
    "secret",
  );
  expect(logged).toHaveLength(2);
});

test("bytes that are no request are told from one", () => {
  const request = toBinary(LiveRequestSchema, create(LiveRequestSchema, { subscription: 3 }));
  expect(decodeLiveRequest(request)).toMatchObject({ subscription: 3 });
  expect(decodeLiveRequest(new Uint8Array([0x0a, 0xff]))).toBeUndefined();
  // As deep as a frame can nest groups that nobody knows.
  expect(() => decodeLiveRequest(new Uint8Array(65_536).fill(0x7b))).not.toThrow();
});

test("every wrong field of a question is named, with what it must be", () => {
  const violations = (request: Parameters<typeof create<typeof LiveRequestSchema>>[1]) => {
    try {
      parseLiveQuestion(create(LiveRequestSchema, request));
    } catch (error) {
      return (error as GrokboxError).violations.map(({ field }) => field);
    }
    return [];
  };
  const progress = {
    session: "../x",
    fromSequence: 2n ** 63n,
    epoch: "Ü",
    maxPoints: 1,
    stride: 3n,
    firstSequence: 2n ** 60n,
    updatesPerSecond: Number.NaN,
  };
  expect(violations({ request: { case: "progress", value: progress } })).toEqual([
    "progress.session",
    "progress.from_sequence",
    "progress.epoch",
    "progress.max_points",
    "progress.stride",
    "progress.first_sequence",
    "progress.updates_per_second",
  ]);
  const window = { session: "sessions/a", firstStep: 9n, lastStep: 8n, maxPoints: 1_000_001 };
  expect(violations({ request: { case: "window", value: window } })).toEqual([
    "window.last_step",
    "window.max_points",
  ]);
  const sessions = { labels: { Bad: "x" }, updatesPerSecond: 61 };
  expect(violations({ request: { case: "sessions", value: sessions } })).toEqual([
    'sessions.labels["Bad"]',
    "sessions.updates_per_second",
  ]);
  expect(violations({})).toEqual(["request"]);
  for (const updatesPerSecond of [-1, 0.05, Number.POSITIVE_INFINITY, 1e-320]) {
    expect(violations({ request: { case: "sessions", value: { updatesPerSecond } } })).toHaveLength(1);
  }
});
