import { expect, test } from "vitest";
import { measureNames } from "./measures.ts";
import { stopCondition } from "./stop-condition.ts";

test("a condition reads as people write it", () => {
  expect(stopCondition("test_accuracy >= 0.99 for 10")).toEqual([
    { measure: "testAccuracy", atLeast: 0.99, forRecorded: 10 },
  ]);
  expect(stopCondition(" train_loss<=1e-3")).toEqual([{ measure: "trainLoss", atMost: 1e-3 }]);
  expect(stopCondition("heldOutAccuracy >= 1 for 3 recorded steps")).toEqual([
    { measure: "heldOutAccuracy", atLeast: 1, forRecorded: 3 },
  ]);
  expect(stopCondition("plateau")).toEqual([{ plateau: {} }]);
  expect(stopCondition("plateau for 2000 steps")).toEqual([{ plateau: { windowSteps: 2_000 } }]);
});

test("an option that is repeated adds a condition", () => {
  expect(stopCondition("plateau", stopCondition("ipr >= 0.9"))).toHaveLength(2);
});

test("every measure can be written as it is listed", () => {
  for (const name of measureNames) expect(stopCondition(`${name} >= 0`)).toHaveLength(1);
});

test.each([
  ["test_accuracy > 0.99", /must be like/],
  ["test_accuracy", /must be like/],
  ["luck >= 1", /no measure luck; known are train_loss/],
  ["ipr >= much", /much is not a number/],
  ["ipr >= Infinity", /Infinity is not a number/],
  ["test_accuracy >= 90%", /^90% is not a number; write 0\.9\.$/],
  ["test_accuracy >= 99.9% for 10", /^99\.9% is not a number; write 0\.999\.$/],
  ["test_accuracy >= much%", /^much% is not a number\.$/],
  ["test_accuracy >= %", /^% is not a number\.$/],
  ["plateau of 10", /must be like/],
  ["ipr >= 1 for 5000000000", /^What follows for must be a whole number, 0 to 4,294,967,295\.$/],
])("%s is refused with what it must be", (text, message) => {
  expect(() => stopCondition(text)).toThrow(message);
});
