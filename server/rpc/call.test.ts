import { EventEmitter } from "node:events";
import { Writable } from "node:stream";
import { create } from "@bufbuild/protobuf";
import { ForkSessionRequestSchema, GetSessionRequestSchema } from "@grokbox/proto/session";
import { StepRequestSchema, TrainingService } from "@grokbox/proto/training";
import { pino } from "pino";
import { expect, test } from "vitest";
import { CallLog, callContext } from "./call.ts";

const { step } = TrainingService.method;
const lines: Record<string, unknown>[] = [];
const sink = new Writable({
  write(chunk, _, done) {
    lines.push(JSON.parse(String(chunk)));
    done();
  },
});
const log = new CallLog(pino({ level: "debug" }, sink), () => {});

function open(request?: unknown) {
  const getDeadline = () => Number.POSITIVE_INFINITY;
  const call = Object.assign(new EventEmitter(), { metadata: {}, getDeadline });
  return { call, context: callContext(step, call, log, request) };
}

test("a caller who goes away aborts the call", () => {
  const { call, context } = open();
  call.emit("cancelled");
  expect(context.signal.aborted).toBe(true);
  expect(() => context.throwIfAborted()).toThrow("the caller went away");
  context.done();
});

test("a call that was answered is not aborted by its end, which grpc-js reports like a cancellation", () => {
  const { call, context } = open();
  context.done();
  call.emit("cancelled");
  expect(context.signal.aborted).toBe(false);
});

const failure = { code: 5, details: "there is none" };

test("a line of the log says which call it was by its request's id and by what the request is about", () => {
  const requests = [
    [create(StepRequestSchema, { requestId: "r", session: "sessions/a" }), "r", "sessions/a"],
    [create(GetSessionRequestSchema, { name: "sessions/b" }), undefined, "sessions/b"],
    [
      create(ForkSessionRequestSchema, { source: "sessions/c/snapshots/1" }),
      undefined,
      "sessions/c/snapshots/1",
    ],
    [create(StepRequestSchema, {}), undefined, undefined],
    [{ name: 7 }, undefined, undefined],
    [undefined, undefined, undefined],
  ] as const;
  for (const [request, requestId, resource] of requests) {
    lines.length = 0;
    open(request).context.done(failure);
    open(request).context.done();
    log.defect(step, request)("the id", new Error("wrong"));
    expect(lines.map(({ msg }) => msg)).toEqual(["call failed", "call", "defect"]);
    for (const line of lines) {
      expect(line.method).toBe("grokbox.v1.TrainingService/Step");
      expect([line.requestId, line.resource]).toEqual([requestId, resource]);
    }
  }
});

test("however long a text a caller sends, a line of the log is short", () => {
  lines.length = 0;
  const long = "x".repeat(1_000_000);
  open({ requestId: long, session: long }).context.done(failure);
  expect(JSON.stringify(lines).length).toBeLessThan(1_000);
});
