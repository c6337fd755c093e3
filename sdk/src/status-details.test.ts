import { ServerService } from "@grokbox/proto/server";
import { SessionService } from "@grokbox/proto/session";
import { TrainingService } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import { GrokboxError, isReason } from "./error.ts";
import { connect, info, session } from "./testing/messages.ts";
import { Failure, on, type Script, serve } from "./testing/scripted-server.ts";

const pause = TrainingService.method.pause;
const found = on(SessionService.method.getSession, () => ({ session: session() }));

async function failureOf(script: Script): Promise<GrokboxError> {
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const error = await handle.pause().catch((error: unknown) => error);
  if (error instanceof GrokboxError) return error;
  throw new Error("the call did not fail with a GrokboxError");
}

const throwing = (failure: Failure) =>
  on(pause, () => {
    throw failure;
  });

test("an error has the server's code, reason, metadata and violations", async () => {
  const violations = [{ field: "session", description: "must be sessions/{id}; got 7" }];
  const error = await failureOf(
    throwing(
      new Failure(3, "bad input", { reason: "INVALID_FIELD", metadata: { field: "session" }, violations }),
    ),
  );
  expect(error).toMatchObject({
    message: "[INVALID_ARGUMENT] bad input",
    rawMessage: "bad input",
    code: "INVALID_ARGUMENT",
    reason: "INVALID_FIELD",
    metadata: { field: "session" },
    violations,
  });
  expect(isReason(error, "INVALID_FIELD")).toBe(true);
  expect(isReason(error, "STEP_MISMATCH")).toBe(false);
});

test("an error without details has its code's name as reason", async () => {
  const error = await failureOf(throwing(new Failure(7, "not yours")));
  expect(error).toMatchObject({ code: "PERMISSION_DENIED", reason: "PERMISSION_DENIED", violations: [] });
});

test("reasons of other domains are not taken for ours", async () => {
  const error = await failureOf(
    throwing(new Failure(9, "no", { reason: "DIVERGED", domain: "example.org" })),
  );
  expect(error.reason).toBe("FAILED_PRECONDITION");
});

test("details that are no status don't hide the code", async () => {
  const rawDetails = Uint8Array.of(255, 255, 255);
  const error = await failureOf(throwing(new Failure(10, "no", { rawDetails })));
  expect(error).toMatchObject({ code: "ABORTED", reason: "ABORTED", rawMessage: "no" });
});

test("a method that the server doesn't have is UNIMPLEMENTED", async () => {
  await using server = await serve(info);
  await using box = await connect(server.address);
  await expect(box.session("sessions/a")).rejects.toMatchObject({ code: "UNIMPLEMENTED" });
});

test("an answer that is no message of its type is an error, not a crash", async () => {
  await using server = await serve(on(ServerService.method.getServerInfo, () => ({ version: "no limits" })));
  await expect(connect(server.address)).rejects.toMatchObject({ code: "DATA_LOSS" });
});
