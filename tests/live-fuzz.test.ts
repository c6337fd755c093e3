import { toBinary } from "@bufbuild/protobuf";
import { LiveRequestSchema } from "@grokbox/proto/live";
import type { Status } from "@grokbox/proto/rpc/status";
import { SessionService } from "@grokbox/proto/session";
import { TrainingService } from "@grokbox/proto/training";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { arbitraryMessage } from "./testing/arbitrary-message.ts";
import { LiveWire } from "./testing/live-wire.ts";
import { startTestServer } from "./testing/server.ts";
import { Wire } from "./testing/wire.ts";

const cases = 1_500;

/** The subscription of a question that shows that all before it was taken. */
const last = 77_777;

let server: RunningServer;
let wire: Wire;
let victim: string;
const defects: string[] = [];

beforeAll(async () => {
  server = await startTestServer();
  wire = new Wire(server.address);
  const { session } = await wire.call(SessionService.method.startSession, {
    preset: "grokking",
    spec: { modulus: 7, width: 8 },
    recordEvery: 1,
    labels: { grokking: "x" },
  });
  victim = session!.name;
  await wire.call(TrainingService.method.step, { session: victim, steps: 300n });
  process.on("unhandledRejection", onDefect);
});

afterAll(async () => {
  process.off("unhandledRejection", onDefect);
  wire.close();
  await server.close();
});

function onDefect(error: unknown): void {
  defects.push(String(error));
}

const pool = () => [
  victim,
  victim,
  victim,
  "sessions/none",
  "",
  "grokking",
  "x",
  "constructor",
  "a".repeat(5_000),
];

const request = arbitraryMessage(LiveRequestSchema, pool).map((message) =>
  toBinary(LiveRequestSchema, message as never),
);

/** A request of which a byte is another, or that breaks off. */
const damaged = fc
  .tuple(request, fc.nat(), fc.nat(255), fc.boolean())
  .map(([bytes, at, value, breaksOff]) => {
    if (bytes.length === 0) return bytes;
    const changed = bytes.slice(0, breaksOff ? at % bytes.length : undefined);
    if (changed.length > 0) changed[at % changed.length] = value;
    return changed;
  });

const frame = fc.oneof(
  { weight: 6, arbitrary: request },
  { weight: 2, arbitrary: damaged },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
);

async function state(): Promise<string> {
  const { sessions } = await wire.call(SessionService.method.listSessions, { pageSize: 1_000 });
  const text = JSON.stringify(sessions, (_, value) => (typeof value === "bigint" ? String(value) : value));
  return `${server.registry.memory.usedBytes} ${text}`;
}

test("no frame makes a defect or changes a session, and none is without an answer or a reason", async () => {
  const before = await state();
  const codes = new Map<number, number>();
  const endings = new Map<number, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(frame, { minLength: 1, maxLength: 12 }), async (frames) => {
      using viewer = await LiveWire.open(server.webAddress);
      for (const each of frames) viewer.socket.send(each);
      viewer.ask(last, { case: "window", value: { session: victim, maxPoints: 2 } });
      const answered = viewer.event(last, "done", "failure").catch(() => undefined);
      await answered;
      for (const { event } of viewer.events) {
        expect(event.case).toBeDefined();
        if (event.case === "failure") {
          const { code, message, details } = event.value as Status;
          codes.set(code, (codes.get(code) ?? 0) + 1);
          expect([3, 5]).toContain(code);
          expect(message).not.toBe("");
          expect(details.length).toBeGreaterThan(0);
        }
      }
      if (viewer.socket.readyState === viewer.socket.OPEN) return;
      const { code, reason } = await viewer.closed;
      endings.set(code, (endings.get(code) ?? 0) + 1);
      expect([1007, 1008]).toContain(code);
      expect(reason).not.toBe("");
    }),
    { numRuns: cases },
  );
  expect(await state()).toBe(before);
  expect(defects).toEqual([]);
  // All kinds of ends were met.
  expect(codes.get(3)).toBeGreaterThan(cases / 10);
  expect([...endings.keys()].sort()).toEqual([1007, 1008]);
});

test("noise on the socket itself ends only that connection", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (noise) => {
      using viewer = await LiveWire.open(server.webAddress);
      viewer.ask(1, { case: "progress", value: { session: victim, fromSequence: 1n } });
      await viewer.event(1, "batch");
      const raw = (viewer.socket as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket;
      raw.write(noise);
      // A whole frame without a mask, which no client may send.
      raw.write(new Uint8Array([0x82, 0x01, 0x00]));
      viewer.socket.terminate();
      await viewer.closed;
    }),
    { numRuns: 150 },
  );
  using viewer = await LiveWire.open(server.webAddress);
  viewer.ask(1, { case: "window", value: { session: victim } });
  await viewer.event(1, "done");
  expect(defects).toEqual([]);
});
