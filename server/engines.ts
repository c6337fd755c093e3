import type { Config, EngineName } from "./config.ts";
import { openCpuEngine } from "./engine/cpu/cpu-engine.ts";
import type { Engine } from "./engine/engine.ts";
import { openTensorflowEngine } from "./engine/tensorflow/tensorflow-engine.ts";
import { openWebGpuEngine } from "./engine/webgpu/webgpu-engine.ts";
import type { AbsentEngine, EngineSet, OfferedEngine } from "./sessions/engines.ts";

/** Opens an engine of this server. Fails with an error that says why there is none here. */
export type OpenEngine = (config: Config, evaluator: Engine) => Promise<Engine>;

export interface EngineOpeners {
  /** Always opened, since it computes the logits of analyses. */
  readonly cpu: (config: Config) => Promise<Engine & { readonly fallbackReason: string | undefined }>;
  /** The others. */
  readonly others: { readonly [name in Exclude<EngineName, "cpu">]?: OpenEngine };
}

/** What this server can open. */
export const engineOpeners: EngineOpeners = {
  cpu: ({ cpuVariant, threads }) =>
    openCpuEngine({ threads, ...(cpuVariant === undefined ? {} : { variant: cpuVariant }) }),
  others: {
    webgpu: ({ allowSoftware, gpuMemoryBytes }, evaluator) =>
      openWebGpuEngine({
        allowSoftware,
        evaluator,
        ...(gpuMemoryBytes === undefined ? {} : { memoryBytes: gpuMemoryBytes }),
      }),
    tensorflow: (_, evaluator) => openTensorflowEngine({ evaluator }),
  },
};

/** What `auto` offers, in this order: tensorflow is for who asks for it. */
const automatic: readonly EngineName[] = ["webgpu", "cpu"];

/** Opens the engines that are to be offered. Fails when one that was asked for by name does not work here. */
export async function openEngines(
  config: Config,
  { cpu: openCpu, others }: EngineOpeners,
): Promise<EngineSet> {
  const cpu = await openCpu(config);
  const names =
    config.engines === "auto" ? automatic.filter((name) => name === "cpu" || name in others) : config.engines;
  const offered: OfferedEngine[] = [];
  const absent: AbsentEngine[] = [];
  try {
    for (const name of names) {
      if (name === "cpu") {
        offered.push({ engine: cpu, fallbackReason: cpu.fallbackReason ?? "" });
        continue;
      }
      try {
        const open = others[name];
        if (open === undefined) throw new Error("this version of grokbox has none");
        offered.push({ engine: await open(config, cpu), fallbackReason: "" });
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        if (config.engines !== "auto") throw new Error(`--engine ${name}: ${reason}`, { cause: error });
        absent.push({ name, reason });
      }
    }
  } catch (error) {
    for (const { engine } of offered) if (engine !== cpu) await engine.close();
    await cpu.close();
    throw error;
  }
  return { offered, absent, evaluator: cpu };
}
