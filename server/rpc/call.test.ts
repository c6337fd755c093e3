import { EventEmitter } from "node:events";
import { TrainingService } from "@grokbox/proto/training";
import { pino } from "pino";
import { expect, test } from "vitest";
import { CallLog, callContext } from "./call.ts";

const log = new CallLog(pino({ level: "silent" }), () => {});

function open() {
  const call = Object.assign(new EventEmitter(), { getDeadline: () => Number.POSITIVE_INFINITY });
  return { call, context: callContext(TrainingService.method.step, call, log) };
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
