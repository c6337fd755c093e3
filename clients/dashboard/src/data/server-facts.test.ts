import { GrokboxError, type ServerInfo } from "@grokbox/sdk";
import type { LinkState } from "@grokbox/sdk/live";
import { afterEach, expect, test, vi } from "vitest";
import { ServerFacts } from "./server-facts.ts";

afterEach(() => {
  vi.useRealTimers();
});

/** A connection whose states a test tells, and a server that answers as it says. */
function facts(info: () => Promise<ServerInfo>) {
  const failures: unknown[] = [];
  let listener: (state: LinkState) => void = () => {};
  const live = {
    state: "connecting" as LinkState,
    onState: (tell: (state: LinkState) => void) => {
      listener = tell;
      return () => {};
    },
  };
  const known = new ServerFacts(
    live,
    async () => ({ info }),
    (error) => failures.push(error),
  );
  const become = (state: LinkState) => {
    live.state = state;
    listener(state);
  };
  return { known, become, failures };
}

const infoOf = (version: string) => ({ version }) as ServerInfo;
const settled = () => new Promise((resolve) => setImmediate(resolve));
const away = new GrokboxError("nobody answers", { code: "UNAVAILABLE" });

test("what a server that was away can do is known once it is back, and anew after every break", async () => {
  const answers = [() => Promise.reject(away), () => infoOf("1"), () => infoOf("2")];
  const { known, become, failures } = facts(async () => answers.shift()!());
  become("open");
  become("connecting");
  await settled();
  expect(known.info).toBeUndefined();
  for (const version of ["1", "2"]) {
    become("open");
    await settled();
    expect(known.info?.version).toBe(version);
    become("connecting");
  }
  expect(failures).toEqual([]);
});

test("a call that fails while the connection is open is made again; what no repeating mends is told", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const old = new GrokboxError("no such method", { code: "UNIMPLEMENTED" });
  const answers = [() => Promise.reject(away), () => infoOf("1"), () => Promise.reject(old)];
  const { known, become, failures } = facts(async () => answers.shift()!());
  become("open");
  await settled();
  vi.advanceTimersByTime(2_000);
  await settled();
  expect(known.info?.version).toBe("1");
  become("open");
  await settled();
  expect(failures).toEqual([old]);
});

test("the answer of an earlier connection does not take the place of a later one's", async () => {
  const first = Promise.withResolvers<ServerInfo>();
  const answers = [() => first.promise, async () => infoOf("2")];
  const { known, become } = facts(() => answers.shift()!());
  become("open");
  become("connecting");
  become("open");
  await settled();
  first.resolve(infoOf("1"));
  await settled();
  expect(known.info?.version).toBe("2");
});
