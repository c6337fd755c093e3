// Run by npm before and after it packs a workspace. In the repository a package exports its TypeScript sources, which Node runs
// as they are; under node_modules Node strips no types, so what is packed exports what `tsc` compiled. Plain JavaScript, as npm
// may run it on any Node.
//
//   prepack:  node ../scripts/published-manifest.js
//   postpack: node ../scripts/published-manifest.js --restore

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";

const manifest = "package.json";
const original = "build/package.json";

if (process.argv.includes("--restore")) {
  renameSync(original, manifest);
} else {
  const text = readFileSync(manifest, "utf8");
  const values = JSON.parse(text);
  mkdirSync("build", { recursive: true });
  writeFileSync(original, text);
  for (const [name, source] of Object.entries(values.exports ?? {})) values.exports[name] = compiled(source);
  for (const [name, sources] of Object.entries(values.imports ?? {})) {
    values.imports[name] = Object.fromEntries(
      Object.entries(sources).map(([condition, source]) => [condition, compiled(source)]),
    );
  }
  delete values.scripts;
  writeFileSync(manifest, `${JSON.stringify(values, undefined, 2)}\n`);
}

/** What `tsc` makes of a source. */
function compiled(source) {
  const path = `./dist/${source.replace(/^\.\/(src\/)?/, "").replace(/\.ts$/, "")}`;
  return { types: `${path}.d.ts`, default: `${path}.js` };
}
