import { type Dispatch, type KernelPlan, largestCohort, type Plan } from "./plan.ts";
import { assemble } from "./shader.ts";

/** A dispatch whose kernel is compiled. */
export type Ready = Pick<Dispatch, "name" | "groups" | "isLoop"> & { readonly pipeline: GPUComputePipeline };

/** Bindings of common.wgsl and scratch.wgsl, and of trace.wgsl. The fewer there are, the less a dispatch costs. */
const trainBindings = [0, 1, 2, 3];
const traceBindings = [2, 4];

/** The compiled kernels of a shape. They share one layout, so a submission binds its buffers once. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #plan: Plan;
  readonly #layouts: readonly GPUBindGroupLayout[];
  readonly #compiled = new Map<KernelPlan, Promise<GPUComputePipeline>>();
  /** Of the plan's first passes. */
  readonly #passes: (readonly Ready[])[] = [];
  #trace: GPUComputePipeline | undefined;

  private constructor(device: GPUDevice, plan: Plan) {
    this.#device = device;
    this.#plan = plan;
    const hasScratch = plan.slotBytes.scratch + plan.exchangeBytes > 0;
    this.#layouts = [trainBindings.slice(0, hasScratch ? 4 : 3), traceBindings].map((bindings) =>
      device.createBindGroupLayout({
        entries: bindings.map((binding) => ({
          binding,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: "storage" },
        })),
      }),
    );
  }

  /** @param members - it has the kernels for up to so many, until more are asked for */
  static async compile(device: GPUDevice, plan: Plan, members = largestCohort): Promise<Pipelines> {
    const pipelines = new Pipelines(device, plan);
    await pipelines.prepare(members);
    return pipelines;
  }

  /** Compiles what passes of up to so many members need, unless it is there: for all of p = 23 a large GPU's driver takes one to two seconds. */
  async prepare(members: number): Promise<void> {
    const wanted = this.#plan.passes.filter((pass) => pass.members <= members);
    const [trace, ...passes] = await Promise.all([
      this.#pipeline(this.#plan.trace, this.#layouts[1]),
      ...wanted.map(({ dispatches }) =>
        Promise.all(
          dispatches.map(async ({ kernel, ...dispatch }) => ({
            ...dispatch,
            pipeline: await this.#pipeline(kernel, this.#layouts[0]),
          })),
        ),
      ),
    ]);
    this.#trace = trace;
    for (const [i, dispatches] of passes.entries()) this.#passes[i] = dispatches;
  }

  #pipeline(kernel: KernelPlan, layout: GPUBindGroupLayout): Promise<GPUComputePipeline> {
    let pipeline = this.#compiled.get(kernel);
    if (pipeline === undefined) {
      pipeline = compile(this.#device, kernel, layout);
      this.#compiled.set(kernel, pipeline);
      // It may do better when it is asked again.
      pipeline.catch(() => this.#compiled.delete(kernel));
    }
    return pipeline;
  }

  get trace(): GPUComputePipeline {
    return this.#trace!;
  }

  /** What is dispatched for a pass of so many members, in that order. */
  passOf(members: number): readonly Ready[] {
    return this.#passes[
      this.#plan.passes.findLastIndex((pass, i) => pass.members <= members && this.#passes[i])
    ];
  }

  /**
   * What the kernels of a pass are given.
   *
   * @param buffers - by binding; of those that a kernel hasn't, nothing is taken
   * @param slot - of who is alone: its state is given from there on
   */
  bind(buffers: readonly GPUBuffer[], slot?: number): GPUBindGroup {
    const size = this.#plan.slotBytes.state;
    const [state, ...others] = trainBindings.filter((binding) => buffers[binding].size > 0);
    const own = slot === undefined ? {} : { offset: slot * size, size };
    return this.#device.createBindGroup({
      layout: this.#layouts[0],
      entries: [
        { binding: state, resource: { buffer: buffers[state], ...own } },
        ...others.map((binding) => ({ binding, resource: { buffer: buffers[binding] } })),
      ],
    });
  }

  /** And the kernel that sums up the traces. */
  bindTrace(buffers: readonly GPUBuffer[]): GPUBindGroup {
    return this.#device.createBindGroup({
      layout: this.#layouts[1],
      entries: traceBindings.map((binding) => ({ binding, resource: { buffer: buffers[binding] } })),
    });
  }
}

async function compile(
  device: GPUDevice,
  { files, constants, rounds, entryPoint }: KernelPlan,
  layout: GPUBindGroupLayout,
): Promise<GPUComputePipeline> {
  const label = files[files.length - 1];
  const code = assemble(files, constants, rounds);
  // What is wrong with it is told below, and no reason to give up the device.
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ label, code });
  await device.popErrorScope();
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter(({ type }) => type === "error");
  if (errors.length > 0)
    throw new Error(`${label}: ${errors.map(({ lineNum, message }) => `${lineNum}: ${message}`).join("; ")}`);
  return device.createComputePipelineAsync({
    label,
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint },
  });
}
