import { Grokbox } from "../sdk/src/mod.ts";

/** Steps a session by hand, and prints how long each call took, milliseconds, as JSON: address, calls not timed, calls timed. */
const [address, warmUp, timed] = process.argv.slice(2);
await using box = await Grokbox.connect(address);
await using session = await box.start({ preset: "standard" });
const milliseconds: number[] = [];
for (let i = 0; i < Number(warmUp) + Number(timed); i++) {
  const began = performance.now();
  await session.step(1);
  if (i >= Number(warmUp)) milliseconds.push(performance.now() - began);
}
await session.delete();
console.log(JSON.stringify(milliseconds));
