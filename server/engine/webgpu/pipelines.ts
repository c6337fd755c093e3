import type { KernelPlan, Pass, Plan } from "./plan.ts";
import { assemble } from "./shader.ts";

export interface Kernel {
  readonly pipeline: GPUComputePipeline;
  readonly groups: readonly [x: number, z: number];
}

/** Bindings of common.wgsl and scratch.wgsl, and of trace.wgsl. The fewer there are, the less a dispatch costs. */
const trainBindings = [0, 1, 2, 3];
const traceBindings = [2, 4];

/** Those of a pass of so many members or more. */
export interface CompiledPass extends Pick<Pass, "members"> {
  readonly kernels: readonly Kernel[];
}

/** The compiled kernels of a shape. They share one layout, so a submission binds its buffers once. */
export class Pipelines {
  readonly trace: Kernel;
  readonly #passes: readonly CompiledPass[];
  readonly #device: GPUDevice;
  readonly #layouts: readonly GPUBindGroupLayout[];

  private constructor(
    device: GPUDevice,
    layouts: readonly GPUBindGroupLayout[],
    passes: readonly CompiledPass[],
    trace: Kernel,
  ) {
    this.#device = device;
    this.#layouts = layouts;
    this.#passes = passes;
    this.trace = trace;
  }

  static async compile(device: GPUDevice, plan: Plan): Promise<Pipelines> {
    const hasScratch = plan.slotBytes.scratch > 0;
    const layouts = [trainBindings.slice(0, hasScratch ? 4 : 3), traceBindings].map((bindings) =>
      device.createBindGroupLayout({
        entries: bindings.map((binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: "storage" },
        })),
      }),
    );
    const compile = async (
      { files, constants, rounds, entryPoint, groups }: KernelPlan,
      layout: GPUBindGroupLayout,
    ): Promise<Kernel> => {
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
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint },
      });
      return { pipeline, groups };
    };
    const compiled = new Map<KernelPlan, Promise<Kernel>>();
    const compileOnce = (kernel: KernelPlan) => {
      if (!compiled.has(kernel)) compiled.set(kernel, compile(kernel, layouts[0]));
      return compiled.get(kernel)!;
    };
    const compilePass = async ({ members, kernels }: Pass): Promise<CompiledPass> => ({
      members,
      kernels: await Promise.all(kernels.map(compileOnce)),
    });
    const [trace, passes] = await Promise.all([
      compile(plan.trace, layouts[1]),
      Promise.all(plan.passes.map(compilePass)),
    ]);
    return new Pipelines(device, layouts, passes, trace);
  }

  /** The kernels of a pass of so many members, in their order. */
  kernelsFor(members: number): readonly Kernel[] {
    return this.#passes.findLast((pass) => pass.members <= members)!.kernels;
  }

  /** @param buffers - by binding; of those that a kernel hasn't, nothing is taken */
  bind(buffers: readonly GPUBuffer[]): { readonly train: GPUBindGroup; readonly trace: GPUBindGroup } {
    const group = (layout: GPUBindGroupLayout, bindings: readonly number[]) =>
      this.#device.createBindGroup({
        layout,
        entries: bindings.map((binding) => ({ binding, resource: { buffer: buffers[binding] } })),
      });
    const train = trainBindings.filter((binding) => buffers[binding].size > 0);
    return { train: group(this.#layouts[0], train), trace: group(this.#layouts[1], traceBindings) };
  }
}
