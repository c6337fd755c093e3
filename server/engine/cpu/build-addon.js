// Builds the kernel as a Node-API addon, build/kernel.node. Plain JavaScript for whichever Node runs npm's postinstall.
//
// An install never fails because of it: without a compiler the engine runs on the WebAssembly build. With --force the
// addon is rebuilt in any case, and failing to is an error. CXX names a compiler.
import { execFile, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { addonFile, addonFingerprint, addonStamp } from "./fingerprint.js";

const require = createRequire(import.meta.url);
const sources = fileURLToPath(new URL("./native/", import.meta.url));
const target = fileURLToPath(addonFile);

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

/** Instruction sets to build the kernel for, and what makes the compiler use them. The addon picks at run time. */
const kernels = {
  x64: { avx512: ["-mavx512f", "-mavx2", "-mfma"], avx2: ["-mavx2", "-mfma"], baseline: [] },
  arm64: { neon: [] },
}[process.arch] ?? { baseline: [] };

const force = process.argv.includes("--force");
try {
  const fingerprint = addonFingerprint();
  if (!force && isUpToDate(fingerprint)) {
    console.log("cpu engine: the native kernel is up to date");
  } else {
    // An addon that its sources have left behind is worse than none.
    rmSync(addonStamp, { force: true });
    const compiler = findCompiler();
    await build(compiler, fingerprint);
    require(target);
    console.log(`cpu engine: built the native kernel with ${compiler} (${Object.keys(kernels).join(", ")})`);
  }
} catch (error) {
  const [summary, ...details] = String(error?.message ?? error).split("\n");
  console.log(`cpu engine: no native kernel, the WebAssembly one will be used: ${summary}`);
  if (force) {
    console.error(details.join("\n"));
    process.exitCode = 1;
  }
}

function isUpToDate(fingerprint) {
  try {
    if (JSON.parse(readFileSync(addonStamp, "utf8")).fingerprint !== fingerprint) return false;
    require(target);
    return true;
  } catch {
    return false;
  }
}

function findCompiler() {
  const candidates = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  const found = candidates.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (!found) throw new Error(`no C++ compiler (tried ${candidates.join(", ")})`);
  return found;
}

async function build(compiler, fingerprint) {
  mkdirSync(dirname(target), { recursive: true });
  // In a folder of its own and then renamed: an install may race another, and a process may have the old one loaded.
  const work = mkdtempSync(join(dirname(target), "work-"));
  try {
    const compile = async (source, name, more) => {
      const object = join(work, `${name}.o`);
      await run(compiler, [...options, ...more, "-c", join(sources, source), "-o", object]);
      return object;
    };
    const headers = require("node-api-headers").include_dir;
    const objects = await Promise.all([
      ...Object.entries(kernels).map(([isa, flags]) =>
        compile("kernel.cc", isa, [`-DKERNEL_NAMESPACE=${isa}`, ...flags]),
      ),
      compile("pool.cc", "pool", []),
      compile("addon.cc", "addon", [`-I${headers}`]),
    ]);
    const link = process.platform === "darwin" ? ["-undefined", "dynamic_lookup"] : [];
    await run(compiler, ["-shared", "-pthread", ...link, ...objects, "-o", join(work, "kernel.node")]);
    renameSync(join(work, "kernel.node"), target);
    writeFileSync(addonStamp, `${JSON.stringify({ fingerprint, compiler })}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function run(command, args) {
  return new Promise((resolve, reject) => {
    execFile(command, args, { maxBuffer: 1 << 26 }, (error, _, stderr) => {
      if (error) reject(new Error(`${command} failed\n${stderr.trim() || error.message}`));
      else resolve();
    });
  });
}
