// Trains one network with relu and one with x^2, then asks how their weights do under every other activation (the paper's table).
import { Grokbox } from "@grokbox/sdk";

const activations = ["relu", "abs", "x^2", "x^4", "x^8", "softplus2", "exp", "gelu", "x", "x^3"];

await using box = await Grokbox.connect("localhost:50051");
const table: Record<string, Record<string, string>> = {};
for (const preset of ["standard", "quad_random"]) {
  await using session = await box.start({ preset });
  await session.step(5_000);
  const column = `trained with ${session.info.spec.activation}`;
  for (const { activation, accuracy, loss } of await session.swapActivation(activations, {
    evaluateOnly: true,
  })) {
    const cell = `${(100 * accuracy).toFixed(1)}%, loss ${loss?.toPrecision(2) ?? "infinite"}`;
    table[activation] = { ...table[activation], [column]: cell };
  }
  await session.delete();
}
console.table(table);
