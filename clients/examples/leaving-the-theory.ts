// How long the theory's decoupled flow holds: measured while the network trains, with the moment kept when it is left.
import { Grokbox } from "@grokbox/sdk";

await using box = await Grokbox.connect("localhost:50051");
await using session = await box.start({
  preset: "quad_single_freq",
  recordEvery: 500,
  measures: [
    "magnitudeDrift",
    "misalignmentError",
    "maxProbabilityDeviation",
    { measure: "votingRSquared", every: 1_000 },
  ],
});

// Each neuron's misalignment is 0.01 rad off what the flow from step 0 says, on average.
const when = { measure: "misalignmentError", atLeast: 0.01 } as const;
await session.setTriggers([{ name: "left", when, action: { kind: "snapshot", label: "the flow is left" } }]);

for await (const { step, extra } of session.run({ untilStep: 8_000 })) {
  const { magnitudeDrift, misalignmentError, maxProbabilityDeviation, votingRSquared } = extra ?? {};
  console.log(
    `step ${step}: drift ${magnitudeDrift?.toExponential(1)}, misalignment off by ${misalignmentError?.toExponential(1)} rad,`,
    `softmax at most ${maxProbabilityDeviation?.toExponential(1)} from 1/p, voting R^2 ${votingRSquared?.toFixed(3) ?? "-"}`,
  );
}

for await (const { step, label } of session.snapshots()) {
  const { neuronsPerFrequency } = await session.spectrum({ at: step });
  console.log(`${label} by step ${step}; neurons per frequency:`, ...neuronsPerFrequency);
}
