// Trains a network to add modulo 23 and asks what it learned. Start a server first: npm start
import { Grokbox } from "@grokbox/sdk";

await using box = await Grokbox.connect("localhost:50051");
await using session = await box.start({ preset: "standard", seed: 42 });
for await (const point of session.run({ untilStep: 10_000, recordEvery: 1_000 })) {
  console.log(`step ${point.step}: loss ${point.trainLoss.toFixed(6)}, accuracy ${point.trainAccuracy}`);
}
const { neuronsPerFrequency, ipr } = await session.spectrum();
console.log("neurons per frequency:", ...neuronsPerFrequency, "IPR:", ipr.mean);
const swaps = await session.swapActivation(["abs", "x^4", "exp", "x"], { evaluateOnly: true });
console.table(swaps, ["activation", "accuracy", "loss"]);
