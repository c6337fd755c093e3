import { countAtOnce } from "./at-once.ts";
import { largestLimits, type WorkgroupLimits } from "./plan.ts";

/** What a device is, for people. */
export interface DeviceInfo {
  /** Name of the adapter, as its driver gives it. */
  readonly adapter: string;
  readonly driver: string;
  readonly architecture: string;
  readonly isSoftware: boolean;
  readonly limits: WorkgroupLimits & { readonly bufferBytes: number };
}

export interface AcquiredDevice {
  readonly device: GPUDevice;
  readonly info: DeviceInfo;
}

/** Of a kernel; see common.wgsl. */
const storageBuffers = 4;

/**
 * Dawn's toggles. The kernels are ours and tested, so they do without what keeps a browser safe from a page: the clamp of every index and
 * every loop, zeros in all of a workgroup's memory before it starts, and the question whether a divisor is zero.
 */
const toggles = [
  "enable-dawn-features=disable_robustness,disable_workgroup_init,disable_polyfills_on_integer_div_and_mod",
  // For who times kernels: a page must not tell time by them.
  "disable-dawn-features=timestamp_quantization",
];

/** For ever: when the instance is collected, Dawn ends the process. */
const instances: GPU[] = [];

/**
 * Fails with the reason when there is no WebGPU here, or only a software adapter that was not allowed.
 *
 * @param features - that the device must have besides
 */
export async function acquireDevice(
  allowSoftware: boolean,
  features: readonly GPUFeatureName[] = [],
): Promise<AcquiredDevice> {
  // Invocations of the tiled kernels write components of one vector at once, which Vulkan alone lets them.
  if (process.platform !== "linux")
    throw new Error(`the webgpu engine needs Vulkan, and so Linux; this is ${process.platform}`);
  const gpu = await openDawn();
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (adapter === null)
    throw new Error("no WebGPU adapter: neither a GPU with a Vulkan driver nor a software one was found");
  const { info: about, limits } = adapter;
  const isSoftware = about.isFallbackAdapter;
  const name = about.device || about.description || about.vendor;
  if (isSoftware && !allowSoftware)
    throw new Error(`the only WebGPU adapter is a software one, ${name}, which is not allowed`);
  if (limits.maxStorageBuffersPerShaderStage < storageBuffers)
    throw new Error(
      `${name} gives a kernel ${limits.maxStorageBuffersPerShaderStage} storage buffers, ${storageBuffers} are needed`,
    );
  const device = await adapter.requestDevice({
    requiredFeatures: [...features],
    requiredLimits: {
      maxStorageBuffersPerShaderStage: storageBuffers,
      maxBufferSize: limits.maxBufferSize,
      maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
      maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
      maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
      maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    },
  });
  const workgroup = {
    invocations: Math.min(
      largestLimits.invocations,
      limits.maxComputeInvocationsPerWorkgroup,
      limits.maxComputeWorkgroupSizeX,
    ),
    memoryBytes: Math.min(largestLimits.memoryBytes, limits.maxComputeWorkgroupStorageSize),
  };
  // A loop takes more for granted of memory and of the order of workgroups than WGSL promises: what was seen to hold there.
  const atOnce = about.vendor === "nvidia" && !isSoftware ? await countAtOnce(device, workgroup) : 0;
  return {
    device,
    info: {
      adapter: name,
      driver: about.description,
      architecture: about.architecture,
      isSoftware,
      limits: {
        ...workgroup,
        atOnce,
        sums: isSoftware ? 12 : largestLimits.sums,
        bufferBytes: Math.min(limits.maxBufferSize, limits.maxStorageBufferBindingSize),
      },
    },
  };
}

async function openDawn(): Promise<GPU> {
  if (instances.length > 0) return instances[0];
  let dawn: typeof import("webgpu");
  try {
    dawn = await import("webgpu");
  } catch (error) {
    throw new Error(`the npm package webgpu can't be loaded: ${(error as Error).message.split("\n")[0]}`);
  }
  Object.assign(globalThis, dawn.globals);
  instances.push(dawn.create(toggles));
  return instances[0];
}
