import { assemble } from "./shader.ts";

/** Workgroups that were to meet have not: the device doesn't run them at once, and what they left is worth nothing. */
export class NotAtOnceError extends Error {
  constructor() {
    super("workgroups that were found to run at once no longer do");
    isRefuted = true;
  }
}

/** For as long as this thread lives. */
let isRefuted = false;

/** More than any device runs at once when each takes a multiprocessor. */
const workgroups = 512;

/** Reads of a count by each before it ends: some milliseconds. */
const polls = 1 << 14;

/** What a workgroup can have at most. */
interface Largest {
  readonly invocations: number;
  readonly memoryBytes: number;
}

/** Numbers that an invocation holds, with which it takes nearly all of the 255 registers that any has. */
const registers = 232;

/**
 * How many workgroups a device runs at once, whatever they take. 0: it has been seen not to, or doesn't run any such.
 */
export async function countAtOnce(device: GPUDevice, limits: Largest): Promise<number> {
  if (isRefuted) return 0;
  try {
    return await count(device, limits);
  } catch {
    // No more than a loop is at stake.
    return 0;
  }
}

async function count(device: GPUDevice, { invocations, memoryBytes }: Largest): Promise<number> {
  const ROOM = memoryBytes / 4;
  const constants = { THREADS: invocations, ROOM, POLLS: polls, REGISTERS: registers };
  const module = device.createShaderModule({ code: assemble(["at-once.wgsl"], constants) });
  const pipeline = await device.createComputePipelineAsync({ layout: "auto", compute: { module } });
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const counts = device.createBuffer({ size: 16, usage: STORAGE | COPY_SRC | COPY_DST });
  const staging = device.createBuffer({ size: 16, usage: COPY_DST | MAP_READ });
  device.queue.writeBuffer(counts, 0, new Uint32Array([0, 0xffffffff, 0, 0]));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [{ binding: 0, resource: { buffer: counts } }],
    }),
  );
  pass.dispatchWorkgroups(workgroups);
  pass.end();
  encoder.copyBufferToBuffer(counts, 0, staging, 0, 16);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const [, atOnce] = new Uint32Array(staging.getMappedRange());
  for (const buffer of [counts, staging]) buffer.destroy();
  return atOnce;
}
