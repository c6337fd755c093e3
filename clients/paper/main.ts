import { Grokbox } from "@grokbox/sdk";
import { compare } from "./comparison.ts";
import { type Measured, measure, type PaperResult } from "./measure.ts";
import { type CpuVariant, type PaperOptions, parseOptions, UsageError, usage } from "./options.ts";
import { progressBar } from "./progress-bar.ts";
import { report } from "./report.ts";

/** What the command needs of the world. */
export interface PaperContext {
  readonly argv: readonly string[];
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Ends the run early. */
  readonly signal: AbortSignal;
  /** Starts a server of its own on a free port. */
  startServer(options: { readonly cpuVariant: CpuVariant | undefined }): Promise<{
    readonly address: string;
    close(): Promise<void>;
  }>;
}

/**
 * Reproduces a published run over real gRPC and prints it beside the published numbers.
 *
 * @returns the exit code: 0, 1 when something compared is outside its tolerance, 2 for a command line that is wrong. With --json nothing
 *   is compared.
 * @throws what went wrong with the server or the run
 */
export async function paper(context: PaperContext): Promise<0 | 1 | 2> {
  const { stdout, stderr } = context;
  let options: PaperOptions;
  try {
    options = parseOptions(context.argv);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    stderr.write(`${error.message}\n\n${usage}`);
    return 2;
  }
  const result = await reproduce(options, context);
  if (options.json) {
    stdout.write(`${JSON.stringify(toJson(result))}\n`);
    return 0;
  }
  const comparisons = compare(result);
  stdout.write(report(result, comparisons));
  return comparisons.some(({ isWithin }) => isWithin === false) ? 1 : 0;
}

async function reproduce(options: PaperOptions, context: PaperContext): Promise<Measured> {
  const server = await context.startServer({ cpuVariant: options.cpuVariant });
  try {
    await using box = await Grokbox.connect(server.address, { signal: context.signal });
    const bar = progressBar(options.run, options.steps, context.stderr);
    try {
      return await measure(box, options, (step) => bar.update(step), context.signal);
    } finally {
      bar.stop();
    }
  } finally {
    await server.close();
  }
}

function toJson({ device: _device, end: _end, ...result }: Measured): PaperResult {
  return result;
}
