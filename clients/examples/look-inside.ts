// Looks inside a network that learned addition with x^2: which frequency each neuron was to win, how the neurons vote for the answer,
// and what the network can do without. Nothing of it changes the session.
import { Grokbox } from "@grokbox/sdk";

await using box = await Grokbox.connect("localhost:50051");
await using session = await box.start({ preset: "quad_random_sgd" });
await session.run({ untilStep: 10_000 }).finished;

const { shareRight, shareByMisalignment, shareByMagnitude } = await session.lottery();
console.log(`winners forecast at step 0: ${percent(shareRight)} right`);
console.log(`by phase alone ${percent(shareByMisalignment)}, by size alone ${percent(shareByMagnitude)}`);

const { voting } = await session.logits({ pairs: [] });
if (voting !== undefined) {
  const { correct, spurious, background, worstPairs } = voting;
  console.log(
    `correct ${correct.toFixed(2)}, spurious ${spurious.toFixed(2)}, others ${background?.toFixed(2)}`,
  );
  console.log(`least sure of ${worstPairs[0]?.pair.join(" + ")}, rival ${worstPairs[0]?.rival}`);
}

for (const frequencies of [[1], [1, 2, 3], [1, 2, 3, 4, 5, 6]]) {
  const { accuracy } = await session.ablate([{ removeFrequencies: frequencies }]);
  console.log(`without frequencies ${frequencies.join(", ")}: ${percent(accuracy)} right`);
}
const ideal = await box.ablateIdeal({ modulus: 23, width: 128 });
console.log(`128 ideal neurons: loss ${ideal.loss?.toExponential(1)}`);

function percent(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}
