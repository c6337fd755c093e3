// Two ways to stop a run at the right moment: conditions that the server looks at, and one of your own.
import { Grokbox } from "@grokbox/sdk";

await using box = await Grokbox.connect("localhost:50051");
await using session = await box.start({ preset: "grokking", seed: 42, recordEvery: 20 });

// The server stops by itself, at exactly the recorded step at which one of these holds, whether or not anybody watches.
const { stopReason } = await session.run({
  untilStep: 10_000,
  stopWhen: [
    { measure: "trainAccuracy", atLeast: 1, forRecorded: 5 },
    { plateau: { windowSteps: 1_000, lossDelta: 1e-6 } },
  ],
}).finished;
console.log(`stopped at step ${stopReason?.step}: ${stopReason?.detail}`);

// A condition that only this script knows: the test loss is ten times the training loss. The run is paused some steps later.
for await (const { step, trainLoss, testLoss } of session.run({ untilStep: 10_000 })) {
  if (testLoss === undefined || testLoss < 10 * trainLoss) continue;
  const paused = await session.pause();
  console.log(`the losses came apart at step ${step}; paused at step ${paused.step}`);
  break;
}
