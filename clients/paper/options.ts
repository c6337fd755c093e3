import { parseArgs } from "node:util";
import { publishedModulus, publishedSeed, type RunName, runNames, runSteps } from "./runs.ts";

interface Common {
  readonly seed: number;
  /** For the sessions; undefined for the server's choice. */
  readonly engine: string | undefined;
  /** Build of the CPU engine; undefined for the best that works. */
  readonly cpuVariant: CpuVariant | undefined;
  /** What was asked for, as far as it was. */
  readonly engineAsked: string | undefined;
  /** One JSON object in place of text. */
  readonly json: boolean;
}

/** One published run. */
export interface RunOptions extends Common {
  readonly run: RunName;
  /** Updates to make. */
  readonly steps: number;
}

/** All of them, with figures and a report. */
export interface WholeOptions extends Common {
  readonly run: undefined;
  /** p */
  readonly modulus: number;
  /** Updates of the longest run; the others make theirs in proportion. */
  readonly longest: number;
  /** Folder to write to. */
  readonly out: string;
}

export type PaperOptions = RunOptions | WholeOptions;

const cpuVariants = ["addon", "wasm"] as const;
export type CpuVariant = (typeof cpuVariants)[number];

/** What a person typed can't be understood. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const usage = `usage: npm run paper -- [--out DIR] [--p P] [--steps N] [--seed S] [--engine E] [--json]
       npm run paper -- --run NAME [--steps N] [--seed S] [--engine E] [--json]

  Makes all runs of the paper, and writes its figures, numbers and a report; or makes one run.

  --run     one of ${runNames.join(", ")}
  --out     folder to write to; left out: paper
  --p       the modulus, odd, 3 to 199; left out: ${publishedModulus}, the published one
  --steps   updates to make, 1 to 1000000; left out: as many as the published run.
            Without --run: of the longest run, and of the others in proportion
  --seed    0 to 4294967295; left out: ${publishedSeed}, the published one
  --engine  auto, cpu, cpu:addon or cpu:wasm; left out: auto
  --json    print one JSON object in place of text
  --help    print this
`;

/** Throws UsageError. */
export function parseOptions(argv: readonly string[]): PaperOptions {
  const { run, steps, seed, engine = "auto", json, out, p } = parse(argv);
  const common = {
    seed: seed === undefined ? publishedSeed : integer("--seed", seed, 0, 2 ** 32 - 1),
    json,
    ...parseEngine(engine),
  };
  const updates = steps === undefined ? undefined : integer("--steps", steps, 1, 1_000_000);
  if (run === undefined) {
    const modulus = p === undefined ? publishedModulus : parseModulus(p);
    const longest = updates ?? Math.max(...Object.values(runSteps));
    return { ...common, run, modulus, longest, out: out ?? "paper" };
  }
  if (!isRunName(run)) throw new UsageError(`--run ${run}: no such run`);
  if (out !== undefined) throw new UsageError("--out goes without --run, which writes no files");
  if (p !== undefined) throw new UsageError("--p goes without --run: a published run has its p");
  return { ...common, run, steps: updates ?? runSteps[run] };
}

function parse(argv: readonly string[]) {
  const string = { type: "string" } as const;
  const options = { run: string, steps: string, seed: string, engine: string, out: string, p: string };
  try {
    const { values } = parseArgs({ args: [...argv], options: { ...options, json: { type: "boolean" } } });
    return { ...values, json: values.json ?? false };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function isRunName(name: string): name is RunName {
  return Object.hasOwn(runSteps, name);
}

function parseModulus(text: string): number {
  const modulus = integer("--p", text, 3, 199);
  if (modulus % 2 === 1) return modulus;
  throw new UsageError(
    `--p ${text}: it must be odd: an even p has a frequency, p/2, whose cosine has no phase, and of which the theory knows nothing`,
  );
}

function integer(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${option} ${text}: it must be an integer, ${least} to ${most}`);
}

function parseEngine(text: string): Pick<Common, "engine" | "cpuVariant" | "engineAsked"> {
  if (text === "auto") return { engine: undefined, cpuVariant: undefined, engineAsked: undefined };
  const [engine = "", variant] = text.split(":", 2);
  const cpuVariant = cpuVariants.find((name) => name === variant);
  if (engine === "" || (variant !== undefined && (engine !== "cpu" || cpuVariant === undefined))) {
    throw new UsageError(`--engine ${text}: it must be auto, an engine's name, cpu:addon or cpu:wasm`);
  }
  return { engine, cpuVariant, engineAsked: text };
}
