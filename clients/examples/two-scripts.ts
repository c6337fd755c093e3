// Two scripts on one session. Without expectedStep their calls interleave; with it, the second is refused instead of going on from a
// state that it has not seen.
import { Grokbox, isReason } from "@grokbox/sdk";

await using yours = await Grokbox.connect("localhost:50051");
await using mine = await Grokbox.connect("localhost:50051");
await using session = await yours.start({ preset: "grokking", seed: 42 });
await using same = await mine.session(session.name); // another handle, in another script, perhaps on another machine

console.log(`both scripts saw step ${same.info.step}`);
const { step } = await session.step(100, { expectedStep: 0 });
console.log(`yours stepped to ${step}`);

try {
  await same.step(100, { expectedStep: 0 });
} catch (error) {
  if (!isReason(error, "STEP_MISMATCH")) throw error;
  console.log(
    `mine was refused: it expected step ${error.metadata.expected_step}, the session is at ${error.metadata.step}`,
  );
}

// So it looks again, and decides anew.
const { latest } = await same.refresh();
console.log(`mine sees a loss of ${latest?.trainLoss.toFixed(4)} now`);
console.log(`mine stepped to ${(await same.step(100, { expectedStep: same.info.step })).step}`);
