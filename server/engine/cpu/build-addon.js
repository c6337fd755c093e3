// Builds the kernel as a Node-API addon, build/kernel.node. Plain JavaScript for whichever Node runs npm's postinstall.
//
// An install never fails because of it: without a compiler the engine runs on the WebAssembly build. With --force the
// addon is rebuilt in any case, and failing to is an error. CXX names a compiler.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const sources = join(here, "native");
const target = join(here, "build", "kernel.node");
const stamp = join(here, "build", "kernel.json");

// No contraction: a multiply-add is fused where the source says so, or bits would depend on the compiler.
const options = [
  "-std=c++20",
  "-O3",
  "-fPIC",
  "-ffp-contract=off",
  "-fno-math-errno",
  "-fno-trapping-math",
  "-pthread",
];

const kernels = {
  x64: { avx512: ["-mavx512f", "-mavx2", "-mfma"], avx2: ["-mavx2", "-mfma"], baseline: [] },
  arm64: { neon: [] },
}[process.arch] ?? { baseline: [] };

/** What a build depends on; equal fingerprints make equal addons. */
function fingerprint() {
  const hash = createHash("sha256").update([process.platform, process.arch, process.env.CXX ?? ""].join(" "));
  for (const file of [
    ...readdirSync(sources)
      .sort()
      .map((name) => join(sources, name)),
    fileURLToPath(import.meta.url),
  ])
    hash.update(readFileSync(file));
  return hash.digest("hex");
}

function isUpToDate(print) {
  try {
    if (JSON.parse(readFileSync(stamp, "utf8")).fingerprint !== print) return false;
    createRequire(import.meta.url)(target);
    return true;
  } catch {
    return false;
  }
}

function findCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  return candidates.find((name) => spawnSync(name, ["--version"]).status === 0);
}

function headers() {
  return createRequire(import.meta.url)("node-api-headers").include_dir;
}

function build(compiler, print) {
  mkdirSync(dirname(target), { recursive: true });
  // In a folder of its own and then renamed: an install may race another, and a process may have the old one loaded.
  const work = mkdtempSync(join(dirname(target), "work-"));
  try {
    const compile = (source, name, more) => {
      const object = join(work, `${name}.o`);
      run(compiler, [...options, ...more, "-c", join(sources, source), "-o", object]);
      return object;
    };
    const objects = Object.entries(kernels).map(([isa, flags]) =>
      compile("kernel.cc", isa, [`-DKERNEL_NAMESPACE=${isa}`, ...flags]),
    );
    objects.push(compile("pool.cc", "pool", []), compile("addon.cc", "addon", [`-I${headers()}`]));
    const link = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
    run(compiler, ["-shared", "-pthread", ...link, ...objects, "-o", join(work, "kernel.node")]);
    renameSync(join(work, "kernel.node"), target);
    writeFileSync(stamp, `${JSON.stringify({ fingerprint: print, compiler })}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function run(command, args) {
  const { status, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(error?.message ?? `${command} failed:\n${stderr.trim()}`);
}

const force = process.argv.includes("--force");
const print = fingerprint();
try {
  if (!force && isUpToDate(print)) {
    console.log("cpu engine: the native kernel is up to date");
  } else {
    const compiler = findCompiler();
    if (!compiler) throw new Error(`no C++ compiler (${process.env.CXX ?? "c++, g++, clang++"})`);
    build(compiler, print);
    createRequire(import.meta.url)(target);
    console.log(`cpu engine: built the native kernel with ${compiler} (${Object.keys(kernels).join(", ")})`);
  }
} catch (error) {
  const [summary, ...details] = String(error?.message ?? error).split("\n");
  console.log(
    `cpu engine: no native kernel, the WebAssembly one will be used: ${summary} ${details[0] ?? ""}`.trim(),
  );
  if (force) {
    console.error(details.join("\n"));
    process.exitCode = 1;
  }
}
