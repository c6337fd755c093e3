import fc from "fast-check";
import { expect, test } from "vitest";
import { chosenNeurons, neuronOrder } from "./neuron-order.ts";

const neurons = fc.array(
  fc.record({ frequency: fc.integer({ min: 1, max: 11 }), fit: fc.double({ min: 0, max: 1, noNaN: true }) }),
);

test("every neuron is shown once, by frequency, the sharpest of each first", () => {
  fc.assert(
    fc.property(neurons, (rows) => {
      const order = [
        ...neuronOrder(
          rows.map((row) => row.frequency),
          rows.map((row) => row.fit),
        ),
      ];
      expect([...order].sort((a, b) => a - b)).toEqual(rows.map((_, row) => row));
      for (let i = 1; i < order.length; i++) {
        const [before, here] = [rows[order[i - 1]!]!, rows[order[i]!]!];
        expect(before.frequency).toBeLessThanOrEqual(here.frequency);
        if (before.frequency === here.frequency) expect(before.fit).toBeGreaterThanOrEqual(here.fit);
      }
    }),
  );
});

test("of many neurons some are chosen, of few all", () => {
  expect(chosenNeurons(4, 512)).toEqual([0, 1, 2, 3]);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 65_536 }), (width) => {
      const chosen = chosenNeurons(width, 512);
      expect(new Set(chosen).size).toBe(Math.min(width, 512));
      expect(Math.max(...chosen)).toBeLessThan(width);
    }),
  );
});
