import { setTimeout } from "node:timers/promises";
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { AnalysisService } from "@grokbox/proto/analysis";
import { ServerService } from "@grokbox/proto/server";
import { SessionService } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { SweepService } from "@grokbox/proto/sweep";
import { TrainingService } from "@grokbox/proto/training";
import type { ServiceError } from "@grpc/grpc-js";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { RunningServer } from "../server/server.ts";
import { arbitraryMessage } from "./testing/arbitrary-message.ts";
import { startTestServer } from "./testing/server.ts";
import { readFailure, Wire } from "./testing/wire.ts";

const cases = process.env.LONG_TESTS ? 5_000 : 1_000;
const deadlineMs = 250;

/** Calls that may have been cut short after a part of their effect, as they are documented to. */
const partial = ["DEADLINE_EXCEEDED", "CANCELLED"];

let server: RunningServer;
let wire: Wire;
let victim: string;
let sweep: string;

async function startVictim(): Promise<void> {
  const { session } = await wire.call(SessionService.method.startSession, {
    preset: "grokking",
    spec: { modulus: 7, width: 8 },
  });
  victim = session!.name;
  await wire.call(SnapshotService.method.snapshot, { session: victim });
}

/** A sweep that has finished. */
async function startSweep(): Promise<void> {
  const { sweep: started } = await wire.call(SweepService.method.startSweep, {
    definition: {
      cells: { case: "grid", value: { preset: "grokking", base: { modulus: 7, width: 8 } } },
      maxParallel: 1,
      plan: { untilStep: 3n },
    },
  });
  sweep = started!.name;
  while (server.sweeps.get(sweep).state === "running") await setTimeout(5);
}

beforeAll(async () => {
  // Little memory, so that what is valid and huge is refused, not trained.
  server = await startTestServer({ maxSessions: 20, maxStateBytes: 2 ** 25 });
  wire = new Wire(server.address);
  await startVictim();
  await startSweep();
  await wakeVictim();
});

afterAll(async () => {
  wire.close();
  await server.close();
});

const strings = () => [
  victim,
  victim,
  `${victim}/snapshots/0`,
  `${victim}/snapshots/99`,
  "sessions/none",
  sweep,
  sweep,
  "sweeps/none",
  "uploads/none",
  "",
  "grokking",
  "standard",
  "quad_single_freq",
  "relu",
  "x",
  "quadratic",
  "x^8",
  "cpu",
  "auto",
  "again",
  "constructor",
  "sessions/../../etc/passwd",
  "a".repeat(5_000),
];

const methods: DescMethod[] = [
  SessionService,
  TrainingService,
  AnalysisService,
  SnapshotService,
  SweepService,
  ServerService,
].flatMap(({ methods: all }) => all as DescMethod[]);

const call = fc.constantFrom(...methods).chain((method) =>
  fc.tuple(
    fc.constant(method),
    fc.array(arbitraryMessage(method.input, strings), {
      minLength: 1,
      maxLength: method.methodKind === "unary" ? 1 : 3,
    }),
  ),
);

/** Makes the call; its error, if it failed. */
async function send(method: DescMethod, messages: readonly Message[]): Promise<ServiceError | undefined> {
  try {
    if (method.methodKind === "unary") {
      await wire.call(method, messages[0]! as never, { deadline: Date.now() + deadlineMs });
    } else if (method.methodKind === "client_streaming") {
      await wire.send(method, messages as never);
    } else {
      const stream = wire.stream(method, messages[0]! as never);
      await new Promise((resolve, reject) =>
        stream.once("data", resolve).once("end", resolve).once("error", reject),
      );
      stream.on("error", () => {});
      stream.cancel();
    }
  } catch (error) {
    return error as ServiceError;
  }
  return undefined;
}

/** A look at a session wakes it, whatever comes of it; it must not sleep because others needed room. */
async function wakeVictim(): Promise<void> {
  await wire.call(AnalysisService.method.evaluate, { name: victim });
}

/** All that a failed call must leave as it was. */
async function state(): Promise<string> {
  const { sessions } = await wire.call(SessionService.method.listSessions, { pageSize: 1_000 });
  const { sweeps } = await wire.call(SweepService.method.listSweeps, {});
  const text = JSON.stringify([sessions, sweeps], (_, value) =>
    typeof value === "bigint" ? String(value) : value,
  );
  return `${server.registry.memory.usedBytes} ${text}`;
}

/** Ends what a call that succeeded has set going, and what would fill the server. */
async function settle(): Promise<void> {
  for (const { name } of [...server.sweeps.list(Number.POSITIVE_INFINITY)])
    if (name !== sweep) await wire.call(SweepService.method.deleteSweep, { name });
  for (const { name } of [...server.registry.all()]) {
    if (name === victim) await wire.call(TrainingService.method.pause, { session: name });
    else await wire.call(SessionService.method.deleteSession, { name });
  }
  if (![...server.registry.all()].some(({ name }) => name === victim)) await startVictim();
  if ([...server.sweeps.list(Number.POSITIVE_INFINITY)].length === 0) await startSweep();
  await wakeVictim();
}

test("no request makes a defect, and none that is refused changes anything", {
  timeout: 240_000,
}, async () => {
  const codes = new Map<string, number>();
  let before = await state();
  await fc.assert(
    fc.asyncProperty(call, async ([method, messages]) => {
      const error = await send(method, messages);
      const code = error === undefined ? "OK" : readFailure(error).code;
      codes.set(code, (codes.get(code) ?? 0) + 1);
      expect(["INTERNAL", "UNKNOWN", "UNIMPLEMENTED", "UNAVAILABLE", "DATA_LOSS"]).not.toContain(code);
      if (code === "OK" || partial.includes(code)) {
        await settle();
        before = await state();
      } else {
        expect(readFailure(error!).reason).toBeDefined();
        expect(await state()).toBe(before);
      }
    }),
    { numRuns: cases },
  );
  // Both sides of validation were tried.
  expect(codes.get("OK")).toBeGreaterThan(cases / 50);
  expect(codes.get("INVALID_ARGUMENT")).toBeGreaterThan(cases / 4);
});
