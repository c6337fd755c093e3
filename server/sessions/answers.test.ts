import { expect, test } from "vitest";
import { Answers } from "./answers.ts";
import { GrokboxError } from "./errors.ts";
import { Receipt } from "./receipt.ts";

const never = new AbortController().signal;

/** A call whose answer is a JSON value. */
async function once<T>(
  answers: Answers,
  requestId: string,
  fingerprint: string,
  work: (receipt: Receipt) => Promise<T>,
  signal = never,
): Promise<T> {
  const response = await answers.once({ requestId, fingerprint, method: "test" }, signal, async (receipt) =>
    Buffer.from(JSON.stringify((await work(receipt)) ?? null)),
  );
  return JSON.parse(Buffer.from(response).toString());
}

test("the same id again returns the stored answer without doing the work again", async () => {
  const answers = new Answers();
  let calls = 0;
  const work = async () => ++calls;
  expect(await once(answers, "a", "body", work)).toBe(1);
  expect(await once(answers, "a", "body", work)).toBe(1);
  expect(await once(answers, "", "body", work)).toBe(2);
});

test("the same id with another body is refused, and the first answer stays", async () => {
  const answers = new Answers();
  await once(answers, "a", "body", async () => 1);
  await expect(once(answers, "a", "other", async () => 2)).rejects.toMatchObject({
    reason: "REQUEST_ID_REUSED",
  });
  expect(await once(answers, "a", "body", async () => 3)).toBe(1);
});

test("a repetition joins the call under way", async () => {
  const answers = new Answers();
  const gate = Promise.withResolvers<number>();
  const first = once(answers, "a", "body", () => gate.promise);
  const second = once(answers, "a", "body", async () => expect.unreachable());
  gate.resolve(7);
  expect(await Promise.all([first, second])).toEqual([7, 7]);
});

test("a repetition waits no longer than its own caller, and the call under way goes on", async () => {
  const answers = new Answers();
  const gate = Promise.withResolvers<number>();
  const first = once(answers, "a", "body", () => gate.promise);
  const second = (signal: AbortSignal) =>
    once(answers, "a", "body", async () => expect.unreachable(), signal);
  const late = new AbortController();
  const waiting = second(late.signal);
  late.abort(new GrokboxError("DEADLINE_EXCEEDED", "late"));
  await expect(waiting).rejects.toMatchObject({ reason: "DEADLINE_EXCEEDED" });
  await expect(second(AbortSignal.abort())).rejects.toMatchObject({ reason: "CANCELLED" });
  gate.resolve(7);
  expect(await first).toBe(7);
  expect(await second(never)).toBe(7);
});

test("a repetition takes over from a caller who went away, with what it noted", async () => {
  const answers = new Answers();
  const gate = Promise.withResolvers<number>();
  const first = once(answers, "a", "body", ({ memo }) => {
    memo.target = 9;
    return gate.promise;
  });
  const second = once(answers, "a", "body", async ({ memo }) => memo.target);
  gate.reject(new GrokboxError("CANCELLED", "gone"));
  await expect(first).rejects.toThrow("gone");
  expect(await second).toBe(9);
});

test("the oldest ids are forgotten first", async () => {
  const answers = new Answers({ capacity: 2 });
  for (const id of ["a", "b", "c"]) await once(answers, id, "body", async () => id);
  expect(await once(answers, "c", "body", async () => "again")).toBe("c");
  expect(await once(answers, "a", "body", async () => "again")).toBe("again");
});

test("a call under way is not forgotten, however many others come", async () => {
  const answers = new Answers({ capacity: 2 });
  const gate = Promise.withResolvers<number>();
  let calls = 0;
  const work = () => {
    calls += 1;
    return gate.promise;
  };
  const first = once(answers, "long", "body", work);
  for (const id of ["a", "b", "c", "d"]) await once(answers, id, "body", async () => id);
  const again = once(answers, "long", "body", work);
  gate.resolve(1);
  expect([await first, await again, calls]).toEqual([1, 1, 1]);
});

/** Of `bytes` as JSON. */
const large = (bytes: number) => async () => "x".repeat(bytes - 2);

test("of answers that together are larger than is kept the oldest go, and an id under way or repeated is none of them", async () => {
  const answers = new Answers({ capacityBytes: 100 });
  const gate = Promise.withResolvers<string>();
  const long = once(answers, "long", "body", () => gate.promise);
  for (const id of ["a", "b", "c"]) await once(answers, id, "body", large(30));
  await once(answers, "a", "body", async () => expect.unreachable());
  await once(answers, "d", "body", large(40));
  for (const id of ["a", "c", "d"]) await once(answers, id, "body", async () => expect.unreachable());
  expect(await once(answers, "b", "body", async () => "again")).toBe("again");
  const joined = once(answers, "long", "body", async () => expect.unreachable());
  gate.resolve("at last");
  expect(await Promise.all([long, joined])).toEqual(["at last", "at last"]);
});

test("the answer given last is kept, however large, and however many came while it was made", async () => {
  const answers = new Answers({ capacityBytes: 100 });
  const gate = Promise.withResolvers<void>();
  const slow = once(answers, "slow", "body", async () => {
    await gate.promise;
    return large(60)();
  });
  for (const id of ["a", "b", "c"]) await once(answers, id, "body", large(30));
  gate.resolve();
  await slow;
  await once(answers, "d", "body", large(10));
  await once(answers, "slow", "body", async () => expect.unreachable());
  await once(answers, "huge", "body", large(500));
  for (let again = 0; again < 2; again += 1)
    await once(answers, "huge", "body", async () => expect.unreachable());
  expect(await once(answers, "slow", "body", async () => "again")).toBe("again");
});

test("what a call promises takes no room before it is given", async () => {
  const answers = new Answers({ capacityBytes: 100 });
  await once(answers, "a", "body", large(60));
  const gate = Promise.withResolvers<void>();
  const failing = once(answers, "b", "body", async (receipt) => {
    receipt.respond(new Uint8Array(90));
    await gate.promise;
    throw new Error("the disk is full");
  });
  const joined = once(answers, "b", "body", async () => expect.unreachable());
  gate.resolve();
  await expect(failing).rejects.toThrow("the disk is full");
  await expect(joined).rejects.toThrow("the disk is full");
  await once(answers, "c", "body", large(30));
  await once(answers, "a", "body", async () => expect.unreachable());
});

test("of what an earlier process left no more is taken in than is kept", async () => {
  const answers = new Answers({ capacity: 3, capacityBytes: 100 });
  const receipt = (id: string, bytes: number) =>
    new Receipt(id, "body", "test", {}, Buffer.from(JSON.stringify("x".repeat(bytes - 2))));
  answers.restore([receipt("a", 30), receipt("b", 60), receipt("c", 30)]);
  for (const id of ["b", "c"]) await once(answers, id, "body", async () => expect.unreachable());
  expect(await once(answers, "a", "body", async () => "again")).toBe("again");
});
