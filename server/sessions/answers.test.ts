import { expect, test } from "vitest";
import { Answers } from "./answers.ts";
import { GrokboxError } from "./errors.ts";

const never = new AbortController().signal;

test("the same id again returns the stored answer without doing the work again", async () => {
  const answers = new Answers();
  let calls = 0;
  const work = async () => ++calls;
  expect(await answers.once("a", "body", never, work)).toBe(1);
  expect(await answers.once("a", "body", never, work)).toBe(1);
  expect(await answers.once("", "body", never, work)).toBe(2);
});

test("the same id with another body is refused, and the first answer stays", async () => {
  const answers = new Answers();
  await answers.once("a", "body", never, async () => 1);
  await expect(answers.once("a", "other", never, async () => 2)).rejects.toMatchObject({
    reason: "REQUEST_ID_REUSED",
  });
  expect(await answers.once("a", "body", never, async () => 3)).toBe(1);
});

test("a repetition joins the call under way", async () => {
  const answers = new Answers();
  const gate = Promise.withResolvers<number>();
  const first = answers.once("a", "body", never, () => gate.promise);
  const second = answers.once("a", "body", never, async () => expect.unreachable());
  gate.resolve(7);
  expect(await Promise.all([first, second])).toEqual([7, 7]);
});

test("a repetition takes over from a caller who went away, with what it noted", async () => {
  const answers = new Answers();
  const gate = Promise.withResolvers<number>();
  const first = answers.once("a", "body", never, (memo) => {
    memo.target = 9;
    return gate.promise;
  });
  const second = answers.once("a", "body", never, async (memo) => memo.target);
  gate.reject(new GrokboxError("CANCELLED", "gone"));
  await expect(first).rejects.toThrow("gone");
  expect(await second).toBe(9);
});

test("the oldest ids are forgotten first", async () => {
  const answers = new Answers({ capacity: 2 });
  for (const id of ["a", "b", "c"]) await answers.once(id, "body", never, async () => id);
  expect(await answers.once("c", "body", never, async () => "again")).toBe("c");
  expect(await answers.once("a", "body", never, async () => "again")).toBe("again");
});

test("a call under way is not forgotten, however many others come", async () => {
  const answers = new Answers({ capacity: 2 });
  const gate = Promise.withResolvers<number>();
  let calls = 0;
  const work = () => {
    calls += 1;
    return gate.promise;
  };
  const first = answers.once("long", "body", never, work);
  for (const id of ["a", "b", "c", "d"]) await answers.once(id, "body", never, async () => id);
  const again = answers.once("long", "body", never, work);
  gate.resolve(1);
  expect([await first, await again, calls]).toEqual([1, 1, 1]);
});
