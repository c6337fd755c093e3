import util from "node:util";

/** The operations of TensorFlow.js, the same whatever computes them. */
export type TensorFlow = typeof import("@tensorflow/tfjs-core");

/**
 * What computes: TensorFlow on an NVIDIA GPU or on the CPU, through their native packages, or one of the two that
 * TensorFlow.js has of its own.
 */
export type Backend = "node-gpu" | "node" | "wasm" | "cpu";

/** Best first. */
export const backends: readonly Backend[] = ["node-gpu", "node", "wasm", "cpu"];

const packages: Readonly<Record<Backend, readonly string[]>> = {
  "node-gpu": ["@tensorflow/tfjs-node-gpu"],
  node: ["@tensorflow/tfjs-node"],
  wasm: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"],
  cpu: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"],
};

export interface LoadedBackend {
  readonly tf: TensorFlow;
  readonly backend: Backend;
  readonly isa: string;
  /** For people. */
  readonly device: string;
  /** Whether equal calls are known to give equal bits. */
  readonly deterministic: boolean;
}

/** A package that isn't installed; the message says how to get it. */
export class MissingPackageError extends Error {}

/**
 * Loads the packages of one back end, or of the best that is installed, and makes it the one that computes. Throws an Error
 * that says which package to install, or why an installed one can't be used.
 */
export async function loadBackend(wanted: Backend | undefined): Promise<LoadedBackend> {
  if (wanted !== undefined) return load(wanted);
  for (const backend of backends) {
    try {
      return await load(backend);
    } catch (error) {
      if (!(error instanceof MissingPackageError)) throw error;
    }
  }
  throw new MissingPackageError(
    `TensorFlow.js is not installed: run npm install ${packages["node-gpu"].join(" ")} (with an NVIDIA GPU), ` +
      `npm install ${packages.node.join(" ")}, or npm install ${packages.wasm.join(" ")}`,
  );
}

async function load(backend: Backend): Promise<LoadedBackend> {
  const native = backend === "node-gpu" || backend === "node";
  if (native) prepareForNativePackage();
  const modules: unknown[] = [];
  for (const name of packages[backend]) modules.push(await importPackage(name, backend));
  const tf = modules[0] as TensorFlow;
  // Also keeps it from advertising its other packages on the console.
  tf.enableProdMode();
  const registered = native ? "tensorflow" : backend;
  if (!(await tf.setBackend(registered)))
    throw new Error(`TensorFlow.js could not start its ${backend} backend`);
  await tf.ready();
  if (backend === "node-gpu" && !(tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice) {
    throw new Error("@tensorflow/tfjs-node-gpu found no GPU that it can use: are CUDA and cuDNN installed?");
  }
  return { tf, backend, ...(await describe(tf, backend)) };
}

async function describe(tf: TensorFlow, backend: Backend) {
  const version = `TensorFlow.js ${tf.version_core}`;
  switch (backend) {
    case "node-gpu":
      return { isa: "cuda", device: `${version}, NVIDIA GPU`, deterministic: false };
    case "node":
      return { isa: process.arch, device: `${version}, native CPU`, deterministic: false };
    case "wasm": {
      const simd = await tf.env().getAsync("WASM_HAS_SIMD_SUPPORT");
      const isa = simd ? "simd128" : "wasm";
      return { isa, device: `${version}, WebAssembly ${isa}, 1 thread`, deterministic: true };
    }
    case "cpu":
      return { isa: "javascript", device: `${version}, plain JavaScript, 1 thread`, deterministic: true };
  }
}

async function importPackage(name: string, backend: Backend): Promise<unknown> {
  try {
    const module = await import(name);
    // Of a CommonJS package, Node finds only some of the names.
    return module.default ?? module;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ERR_MODULE_NOT_FOUND" && message.includes(`'${name}'`)) {
      throw new MissingPackageError(
        `the ${backend} backend of TensorFlow.js is not installed: run npm install ${packages[backend].join(" ")}`,
      );
    }
    throw new Error(`${name} is installed but can't be loaded: ${message}`, { cause: error });
  }
}

/** What the native packages, last released for Node 18, need from this process before they are loaded. */
function prepareForNativePackage(): void {
  // They call functions that Node 23 took out of node:util.
  const functions = util as unknown as Record<string, (value: unknown) => boolean>;
  functions.isNullOrUndefined ??= (value) => value === null || value === undefined;
  functions.isArray ??= Array.isArray;
  // TensorFlow lets the GPU round the factors of matrix products to 10 bits; DESIGN asks for 1e-5.
  process.env.NVIDIA_TF32_OVERRIDE = "0";
  // And it would take all memory of the GPU at once.
  process.env.TF_FORCE_GPU_ALLOW_GROWTH = "true";
}
