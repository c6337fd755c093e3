// Watches a network memorize, generalize and clean up, then looks into the moment of generalization.
import { Grokbox } from "@grokbox/sdk";

await using box = await Grokbox.connect("localhost:50051");
await using session = await box.start({ preset: "grokking", seed: 42 });

const run = session.run({ untilStep: 20_000, snapshotAt: [2_200, 10_000] });
for await (const point of run) {
  console.log(point.step, point.trainLoss, point.accuracy.heldOut, point.stage);
  if (point.stage === "cleanup") break; // stops watching; the run goes on until it is paused
}

const spectrum = await session.spectrum({ at: 2_200 });
console.log(spectrum.neuronsPerFrequency, spectrum.ipr.theta);

const table = await session.swapActivation(["abs", "x^4", "exp", "x"], { evaluateOnly: true });
console.log(table);
