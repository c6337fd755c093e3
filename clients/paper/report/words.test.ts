import { expect, test } from "vitest";
import { inLetters, inWords } from "./words.ts";

test.each([
  ["alpha^2 beta sin D", "α² β sin D"],
  ["|mean e^{i phi}|", "|mean exp(iφ)|"],
  ["|mean e^{3 i phi}|", "|mean exp(3iφ)|"],
  ["energy of theta off k*", "energy of θ off k*"],
  ["(0.02, pi/2)", "(0.02, π/2)"],
  ["x^4", "x⁴"],
  ["width", "width"],
])("%s is written %s", (plain, written) => {
  expect(inLetters(plain)).toBe(written);
});

test("an accuracy by class of pairs is told from the count of its pairs", () => {
  expect(inWords({ where: "step 201", measure: "common" })).toBe("accuracy on common pairs");
  expect(inWords({ where: "pairs", measure: "common" })).toBe("common");
});
