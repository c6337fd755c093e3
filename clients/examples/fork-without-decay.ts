// Would it have grokked without weight decay? Trains one network through its grokking, goes back to step 2,200, when it had memorized,
// and lets a copy go on from there without decay.
import { Grokbox, type Session } from "@grokbox/sdk";

await using box = await Grokbox.connect("localhost:50051");
await using session = await box.start({ preset: "grokking", seed: 42 });
await session.run({ untilStep: 12_200, snapshotAt: [2_200] }).finished;

await using branch = await session.fork({ at: 2_200, weightDecay: 0, labels: { asks: "without-decay" } });
console.log(`${branch.name} comes from ${branch.info.parent?.snapshot}`);
await branch.run({ untilStep: 12_200 }).finished;

const withDecay = await accuracies(session);
const without = await accuracies(branch);
for (const step of [2_200, 5_000, 12_200]) {
  console.log(
    `step ${step}: held-out accuracy ${withDecay.get(step)} with decay, ${without.get(step)} without`,
  );
}

/** Accuracy on pairs of which neither order was trained on, by step, from all recorded points. */
async function accuracies(of: Session): Promise<Map<number, string>> {
  const found = new Map<number, string>();
  for await (const { step, accuracy } of of.history()) found.set(step, (accuracy.heldOut ?? 0).toFixed(3));
  return found;
}
