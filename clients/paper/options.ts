import { parseArgs } from "node:util";
import { type RunName, runNames, runs } from "./reference.ts";

export interface PaperOptions {
  readonly run: RunName;
  /** Updates to make. */
  readonly steps: number;
  readonly seed: number;
  /** For the session; undefined for the server's choice. */
  readonly engine: string | undefined;
  /** Build of the CPU engine; undefined for the best that works. */
  readonly cpuVariant: CpuVariant | undefined;
  /** What was asked for, as far as it was. */
  readonly engineAsked: string | undefined;
  /** One JSON object in place of a table. */
  readonly json: boolean;
}

const cpuVariants = ["addon", "wasm"] as const;
export type CpuVariant = (typeof cpuVariants)[number];

export const publishedSeed = 42;

/** What a person typed can't be understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const usage = `usage: npm run paper -- --run NAME [--steps N] [--seed S] [--engine E] [--json]

  --run     one of ${runNames.join(", ")}
  --steps   updates to make, 1 to 1000000; left out: as many as the published run
  --seed    0 to 4294967295; left out: 42, the published one
  --engine  auto, cpu, cpu:addon or cpu:wasm; left out: auto
  --json    print one JSON object in place of a table
`;

/** Throws UsageError. */
export function parseOptions(argv: readonly string[]): PaperOptions {
  const { run, steps, seed, engine = "auto", json } = parse(argv);
  if (run === undefined) throw new UsageError("--run is missing");
  if (!isRunName(run)) throw new UsageError(`--run ${run}: no such run`);
  return {
    run,
    steps: steps === undefined ? runs[run].steps : integer("--steps", steps, 1, 1_000_000),
    seed: seed === undefined ? publishedSeed : integer("--seed", seed, 0, 2 ** 32 - 1),
    json,
    ...parseEngine(engine),
  };
}

function parse(argv: readonly string[]) {
  const string = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { run: string, steps: string, seed: string, engine: string, json: { type: "boolean" } },
    });
    return { ...values, json: values.json ?? false };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function isRunName(name: string): name is RunName {
  return Object.hasOwn(runs, name);
}

function integer(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text}: it must be an integer, ${least} to ${most}`);
}

function parseEngine(text: string): Pick<PaperOptions, "engine" | "cpuVariant" | "engineAsked"> {
  if (text === "auto") return { engine: undefined, cpuVariant: undefined, engineAsked: undefined };
  const [engine = "", variant] = text.split(":", 2);
  const cpuVariant = cpuVariants.find((name) => name === variant);
  if (engine === "" || (variant !== undefined && (engine !== "cpu" || cpuVariant === undefined))) {
    throw new UsageError(`--engine ${text}: it must be auto, an engine's name, cpu:addon or cpu:wasm`);
  }
  return { engine, cpuVariant, engineAsked: text };
}
