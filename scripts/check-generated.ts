import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Generates the protobuf code anew, elsewhere, and fails when the committed code differs. */
const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "grokbox-generated-"));
try {
  for (const name of ["buf.yaml", "buf.gen.yaml"]) cpSync(join(root, name), join(folder, name));
  cpSync(join(root, "proto"), join(folder, "proto"), {
    recursive: true,
    filter: (path) => !path.endsWith("_pb.ts"),
  });
  const { status } = spawnSync("buf", ["generate"], { cwd: folder, stdio: "inherit" });
  if (status !== 0) process.exit(1);
  const committed = generated(join(root, "proto"));
  const fresh = generated(join(folder, "proto"));
  const different = [...new Set([...committed.keys(), ...fresh.keys()])].filter(
    (path) => committed.get(path) !== fresh.get(path),
  );
  if (different.length > 0) {
    console.error(`not what "npm run generate" makes:\n  ${different.join("\n  ")}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}

function generated(folder: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return new Map(
    paths
      .filter((path) => path.endsWith("_pb.ts") && !path.includes("node_modules"))
      .map((path) => [path, readFileSync(join(folder, path), "utf8")]),
  );
}
