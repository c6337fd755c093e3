import { expect, test } from "vitest";
import { divergingScale } from "./diverging.ts";

test("positive numbers are warm and negative ones cool, as in the figures, on light and on dark", () => {
  for (const isDark of [false, true]) {
    const at = (share: number) => {
      const [red, , blue] = new Uint8Array(Uint32Array.of(divergingScale(isDark)(share)).buffer);
      return { red: red!, blue: blue! };
    };
    for (const share of [0.5, 1]) {
      expect(at(share).red).toBeGreaterThan(at(share).blue);
      expect(at(-share).blue).toBeGreaterThan(at(-share).red);
    }
  }
});
