import { Grokbox } from "@grokbox/sdk";
import { compare } from "./comparison.ts";
import { comparisonText } from "./comparison-text.ts";
import { type Measured, measure, type PaperResult } from "./measure.ts";
import {
  type CpuVariant,
  type PaperOptions,
  parseOptions,
  type RunOptions,
  UsageError,
  usage,
  type WholeOptions,
} from "./options.ts";
import { progressBar } from "./progress-bar.ts";
import { whole } from "./whole.ts";
import { wholeText } from "./whole-text.ts";

/** What the command needs of the world. */
export interface PaperContext {
  readonly argv: readonly string[];
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Ends the runs early. */
  readonly signal: AbortSignal;
  /** Starts a server of its own on a free port. */
  startServer(options: { readonly cpuVariant: CpuVariant | undefined }): Promise<{
    readonly address: string;
    close(): Promise<unknown>;
  }>;
}

/**
 * Reproduces the published runs over real gRPC: one, which it prints beside the published numbers, or all, of which it writes figures,
 * numbers and a report.
 *
 * @returns the exit code: 0, 1 when something compared is outside its tolerance, 2 for a command line that is wrong. With --run and
 *   --json nothing is compared.
 * @throws what went wrong with the server or the run
 */
export async function paper(context: PaperContext): Promise<0 | 1 | 2> {
  if (context.argv.includes("--help")) {
    context.stdout.write(usage);
    return 0;
  }
  let options: PaperOptions;
  try {
    options = parseOptions(context.argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    context.stderr.write(`${error.message}\n\n${usage}`);
    return 2;
  }
  const server = await context.startServer({ cpuVariant: options.cpuVariant });
  try {
    return options.run === undefined
      ? await reproduceAll(server.address, options, context)
      : await reproduce(server.address, options, context);
  } finally {
    await server.close();
  }
}

async function reproduce(address: string, options: RunOptions, context: PaperContext): Promise<0 | 1> {
  const { stdout, stderr, signal } = context;
  await using box = await Grokbox.connect(address, { signal });
  const bar = progressBar(options.run, options.steps, stderr);
  let result: Measured;
  try {
    result = await measure(box, options, (step) => bar.update(step), signal);
  } finally {
    bar.stop();
  }
  if (options.json) {
    stdout.write(`${JSON.stringify(toJson(result))}\n`);
    return 0;
  }
  const comparisons = compare(result);
  stdout.write(comparisonText(result, comparisons));
  return comparisons.some(({ isWithin }) => isWithin === false) ? 1 : 0;
}

async function reproduceAll(address: string, options: WholeOptions, context: PaperContext): Promise<0 | 1> {
  const { stdout, stderr, signal, argv } = context;
  const command = ["npm run paper", ...(argv.length > 0 ? ["--", ...argv] : [])].join(" ");
  const made = await whole(address, options, { stderr, signal, command });
  stdout.write(options.json ? `${JSON.stringify(made.summary)}\n` : wholeText(made));
  return made.summary.results.failed > 0 ? 1 : 0;
}

function toJson({ device: _device, end: _end, ...result }: Measured): PaperResult {
  return result;
}
