import fc from "fast-check";
import { expect, test } from "vitest";
import { formatLink, type Link, parseLink } from "./link.ts";

const step = fc.integer({ min: 0, max: 1e12 });
const zoom = fc
  .tuple(step, fc.integer({ min: 1, max: 1e6 }))
  .map(([first, length]) => ({ first, last: first + length }));
const yes = fc.constant(true);

const link: fc.Arbitrary<Link> = fc.oneof(
  fc.constant({ page: "sessions" as const }),
  fc
    .record(
      {
        page: fc.constant("session" as const),
        id: fc.string({ minLength: 1, unit: "grapheme" }),
        step,
        zoom,
        linear: yes,
        classes: yes,
        table: yes,
      },
      { requiredKeys: ["page", "id"] },
    )
    .map((record) => record as Link),
  fc
    .record(
      { page: fc.constant("sweep" as const), id: fc.string({ minLength: 1, unit: "grapheme" }), group: step },
      { requiredKeys: ["page", "id"] },
    )
    .map((record) => record as Link),
);

test("a link brings back the view that it was made of", () => {
  fc.assert(
    fc.property(link, (view) => {
      expect(parseLink(formatLink(view))).toEqual(view);
    }),
  );
});

test("a link is understood from a browser's address as well, which escapes more", () => {
  fc.assert(
    fc.property(link, (view) => {
      const { hash } = new URL(formatLink(view), "http://localhost/");
      expect(parseLink(hash)).toEqual(view);
    }),
  );
});

test("whatever stands in the address, there is a page for it", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(["sessions", "session", "sweep"]).toContain(parseLink(`#${text}`).page);
    }),
  );
  expect(parseLink("")).toEqual({ page: "sessions" });
  expect(parseLink("#/sessions/%E0%A4")).toEqual({ page: "sessions" });
});

test("parts of a link that can't be are left out, the others kept", () => {
  const at = (query: string) => parseLink(`#/sessions/a?${query}`);
  expect(parseLink("#/sweeps/a?group=-1")).toEqual({ page: "sweep", id: "a" });
  expect(at("step=-1&table=1")).toEqual({ page: "session", id: "a", table: true });
  expect(at("zoom=500-100&step=7")).toEqual({ page: "session", id: "a", step: 7 });
  expect(at("zoom=1-2-3&axis=log&classes=yes")).toEqual({ page: "session", id: "a" });
});
