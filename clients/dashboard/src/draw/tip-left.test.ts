import fc from "fast-check";
import { expect, test } from "vitest";
import { tipLeft } from "./tip-left.ts";

test("a tip is within the window wherever the pointer is, and beside it where there is room on either side", () => {
  const whole = (min: number, max: number) => fc.integer({ min, max });
  fc.assert(
    fc.property(whole(320, 3_000), whole(20, 260), whole(0, 100), (window, width, percent) => {
      const pointer = Math.round((window * percent) / 100);
      const left = tipLeft(pointer, width, window);
      expect(left).toBeGreaterThanOrEqual(0);
      expect(left + width).toBeLessThanOrEqual(window);
      const isBeside = left >= pointer + 10 || left + width <= pointer - 10;
      expect(isBeside).toBe(Math.max(pointer, window - pointer) >= width + 20);
    }),
  );
  const places = [tipLeft(100, 200, 1_280), tipLeft(1_100, 200, 1_280), tipLeft(195, 260, 390)];
  expect(places).toEqual([110, 890, 120]);
});
