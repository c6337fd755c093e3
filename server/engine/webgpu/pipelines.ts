import type { KernelPlan, Plan } from "./plan.ts";
import { assemble } from "./shader.ts";

export interface Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly [x: number, z: number];
}

/** The bindings of common.wgsl and trace.wgsl that are read only. */
const readOnly = [3, 4, 5];
const bindings = 10;

/** The compiled kernels of a shape. They share one layout, so a submission binds its buffers once. */
export class Pipelines {
  readonly kernels: readonly Kernel[];
  readonly trace: Kernel;
  readonly #device: GPUDevice;
  readonly #layout: GPUBindGroupLayout;

  private constructor(
    device: GPUDevice,
    layout: GPUBindGroupLayout,
    kernels: readonly Kernel[],
    trace: Kernel,
  ) {
    this.#device = device;
    this.#layout = layout;
    this.kernels = kernels;
    this.trace = trace;
  }

  static async compile(device: GPUDevice, plan: Plan): Promise<Pipelines> {
    const layout = device.createBindGroupLayout({
      entries: Array.from({ length: bindings }, (_, binding) => ({
        binding,
        visibility: GPUShaderStage.COMPUTE,
        buffer: { type: readOnly.includes(binding) ? "read-only-storage" : "storage" },
      })),
    });
    const pipelineLayout = device.createPipelineLayout({ bindGroupLayouts: [layout] });
    const compile = async ({ files, constants, rounds, entryPoint, groups }: KernelPlan): Promise<Kernel> => {
      const label = files[files.length - 1];
      const module = device.createShaderModule({ label, code: assemble(files, constants, rounds) });
      const { messages } = await module.getCompilationInfo();
      const errors = messages.filter(({ type }) => type === "error");
      if (errors.length > 0)
        throw new Error(
          `${label}: ${errors.map(({ lineNum, message }) => `${lineNum}: ${message}`).join("; ")}`,
        );
      const pipeline = await device.createComputePipelineAsync({
        label,
        layout: pipelineLayout,
        compute: { module, entryPoint },
      });
      return { pipeline, groups };
    };
    const [trace, ...kernels] = await Promise.all([plan.trace, ...plan.kernels].map(compile));
    return new Pipelines(device, layout, kernels, trace);
  }

  bind(buffers: readonly GPUBuffer[]): GPUBindGroup {
    return this.#device.createBindGroup({
      layout: this.#layout,
      entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
    });
  }
}
