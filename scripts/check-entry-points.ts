/**
 * Loads what people and other packages load, with nothing but Node's type stripping: tests run through a bundler, which would not
 * notice syntax that Node can't strip.
 */
const entries = [
  "../server/server.ts",
  "../server/config.ts",
  "../server/sessions/analyst.ts",
  "../sdk/src/mod.ts",
  "../clients/figures/mod.ts",
];

for (const entry of entries) await import(new URL(entry, import.meta.url).href);
const { startServer } = await import("../server/server.ts");
const { Grokbox } = await import("../sdk/src/mod.ts");

const server = await startServer({ port: 0, logLevel: "silent" });
{
  await using box = await Grokbox.connect(server.address);
  await using session = await box.start({ preset: "standard", width: 8, modulus: 5 });
  await session.step(3);
}
await server.close();
