import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { SessionService } from "@grokbox/proto/session";
import { TrainingService } from "@grokbox/proto/training";
import { expect, test, vi } from "vitest";
import { longestMs } from "./deadline.ts";
import { heartbeat } from "./testing/messages.ts";
import { webTransport } from "./transport-web.ts";

async function listen(answer: RequestListener) {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const transport = webTransport(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  return {
    transport,
    [Symbol.asyncDispose]: async () => {
      transport.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

test("a call with no time left is over at once, and not without a deadline", async () => {
  await using web = await listen(() => {});
  const { getSession } = SessionService.method;
  const request = create(getSession.input, { name: "sessions/a" });
  await expect(web.transport.unary(getSession, request, { timeoutMs: 0 })).rejects.toMatchObject({
    code: "DEADLINE_EXCEEDED",
  });
}, 5_000);

test("a stream that is left holds no timer", async () => {
  const { watchProgress } = TrainingService.method;
  const message = toBinary(watchProgress.output, create(watchProgress.output, heartbeat));
  await using web = await listen((_, response) => {
    response.writeHead(200, { "content-type": "application/connect+proto" });
    // Of the Connect protocol: flags and the length, big-endian.
    response.write(Buffer.from([0, 0, 0, 0, message.length, ...message]));
  });
  const request = create(watchProgress.input, { session: "sessions/a" });
  const set = vi.spyOn(globalThis, "setTimeout");
  const clear = vi.spyOn(globalThis, "clearTimeout");
  try {
    for await (const { event } of web.transport.serverStream(watchProgress, request, {})) {
      expect(event.case).toBe("heartbeat");
      break;
    }
    const deadlines = set.mock.results.filter((_, i) => set.mock.calls[i]![1] === longestMs);
    expect(deadlines).toHaveLength(1);
    await vi.waitFor(() => expect(clear).toHaveBeenCalledWith(deadlines[0]!.value));
  } finally {
    set.mockRestore();
    clear.mockRestore();
  }
});
