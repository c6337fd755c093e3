import { expect, test } from "vitest";
import { withOwnIds } from "./svg-ids.ts";

test("ids and what refers to them get the prefix, and a declaration goes", () => {
  const svg =
    '<?xml version="1.0"?><svg><clipPath id="clip0"/><g clip-path="url(#clip0)"><use xlink:href="#clip0"/></g></svg>';
  expect(withOwnIds(svg, "f3")).toBe(
    '<svg><clipPath id="f3-clip0"/><g clip-path="url(#f3-clip0)"><use xlink:href="#f3-clip0"/></g></svg>',
  );
});
