// Rebuilds the committed kernel.wasm from native/. Needs clang and wasm-ld, 16 or later: CLANG and WASM_LD name them.
import { spawnSync } from "node:child_process";
import { statSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sourcesFingerprint, wasmFile, wasmStamp } from "./fingerprint.js";

/** The first of these programs that there is, as an absolute path: clang takes its linker by path only. */
function find(variable, candidates) {
  const names = process.env[variable] ? [process.env[variable]] : candidates;
  for (const name of names) {
    const { status, stdout } = spawnSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" });
    if (status === 0) return stdout.trim();
  }
  throw new Error(`none of ${names.join(", ")} found; set ${variable}`);
}

const clang = find("CLANG", ["clang-16", "clang-17", "clang-18", "clang-19", "clang"]);
const linker = find("WASM_LD", ["wasm-ld-16", "wasm-ld-17", "wasm-ld-18", "wasm-ld-19", "wasm-ld"]);

const { status } = spawnSync(
  clang,
  [
    "--target=wasm32",
    "-std=c++20",
    "-O3",
    "-ffp-contract=off",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffreestanding",
    "-fno-builtin-memcpy",
    "-fno-builtin-memset",
    "-fno-exceptions",
    "-fno-rtti",
    "-nostdlib",
    "-msimd128",
    "-mrelaxed-simd",
    "-mbulk-memory",
    "-matomics",
    "-DKERNEL_NAMESPACE=simd128",
    `-fuse-ld=${linker}`,
    "-Wl,--no-entry",
    "-Wl,--import-memory",
    "-Wl,--shared-memory",
    "-Wl,--max-memory=4294967296",
    "-Wl,-z,stack-size=65536",
    "-Wl,--export=__stack_pointer",
    "-Wl,--export=__heap_base",
    "-Wl,--strip-all",
    fileURLToPath(new URL("./native/wasm.cc", import.meta.url)),
    "-o",
    fileURLToPath(wasmFile),
  ],
  { stdio: "inherit" },
);
if (status !== 0) process.exit(1);
writeFileSync(wasmStamp, `{ "fingerprint": "${sourcesFingerprint()}" }\n`);
console.log(`cpu engine: built kernel.wasm, ${statSync(wasmFile).size} bytes`);
