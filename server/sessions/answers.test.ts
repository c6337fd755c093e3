import { expect, test } from "vitest";
import { Answers } from "./answers.ts";
import { GrokboxError } from "./errors.ts";
import type { Receipt } from "./receipt.ts";

const never = new AbortController().signal;

/** A call whose answer is a JSON value. */
async function once<T>(
  answers: Answers,
  requestId: string,
  fingerprint: string,
  work: (receipt: Receipt) => Promise<T>,
): Promise<T> {
  const response = await answers.once({ requestId, fingerprint, method: "test" }, never, async (receipt) =>
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
