import { readdirSync } from "node:fs";

/** What drivers of GPUs put into /dev: NVIDIA's, those of the kernel's direct rendering, and that of a Linux under Windows. */
const nodes = [
  { folder: "/dev", name: /^(nvidia\d+|dxg)$/ },
  { folder: "/dev/dri", name: /^renderD\d+$/ },
];

/**
 * Why there can't be a GPU here; undefined when there may be one. Costs nothing, whereas loading Dawn to find that out takes a quarter of a
 * second, and Vulkan's loader prints what it thinks of software drivers.
 */
export function whyNoGpu(): string | undefined {
  if (process.platform !== "linux") return undefined;
  const found = nodes.some(({ folder, name }) => list(folder).some((node) => name.test(node)));
  return found
    ? undefined
    : "there is no GPU: no /dev/nvidia0, /dev/dri/renderD128 or /dev/dxg. Is the driver installed, and is the GPU passed on to this container?";
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
