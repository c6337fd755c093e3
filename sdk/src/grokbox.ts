import { ServerService } from "@grokbox/proto/server";
import { SessionService } from "@grokbox/proto/session";
import { SweepService } from "@grokbox/proto/sweep";
import { runtime } from "#runtime";
import {
  type AblateOptions,
  type Ablation,
  type AblationResult,
  ablate,
  ablateKeys,
  type IdealNetwork,
} from "./ablation.ts";
import { Connection, type ConnectionOptions, connectionKeys, longDeadlineMs } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { GrokboxError, throwIfCancelled } from "./error.ts";
import {
  type Flow,
  type FlowMethod,
  type FlowStart,
  type OutcomeContourOptions,
  outcomeContour,
  simulateFlow,
} from "./flow.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { isUnavailable } from "./retry.ts";
import type { SafetensorsFile } from "./safetensors-file.ts";
import { fromServerInfo, type ServerInfo } from "./server-info.ts";
import { Session } from "./session.ts";
import { fromSession, type SessionState, toState } from "./session-info.ts";
import { type StartOptions, startSession } from "./start.ts";
import { Sweep } from "./sweep.ts";
import { fromSweep } from "./sweep-info.ts";
import { type SweepOptions, toDefinition } from "./sweep-options.ts";
import type { Tensor } from "./tensor.ts";
import { type Upload, uploadWeights } from "./upload.ts";
import type { Weights } from "./weights.ts";

export interface ConnectOptions extends ConnectionOptions {
  /** Gives the attempt to connect up. */
  readonly signal?: AbortSignal | undefined;
  /** For connecting, milliseconds; a server that is only just starting is waited for. @default 10,000 */
  readonly deadlineMs?: number | undefined;
}

const connectKeys: Known<ConnectOptions> = { ...connectionKeys, ...callKeys };

export interface ListOptions extends CallOptions {
  /** Only sessions in this state, or one of these. */
  readonly state?: SessionState | readonly SessionState[] | undefined;
  /** Only sessions that carry all of these. */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Only those that this sweep made, sweeps/{id}, or with `sweeps/-` any sweep. @default those that no sweep made */
  readonly sweep?: string | undefined;
  /** Sessions an answer, 1 to 1,000. @default 100 */
  readonly pageSize?: number | undefined;
}

const listKeys: Known<ListOptions> = {
  state: true,
  labels: true,
  sweep: true,
  pageSize: true,
  ...callKeys,
};

/**
 * A connection to a grokbox server. It is dear: make one, and share it; the handles it gives out are cheap.
 *
 * Every call, here and on the handles, refuses with INVALID_FIELD what it can't mean, before anything is sent: an option that it doesn't
 * have, such as a misspelt one in a script whose types nobody checks, and a number given as a text. An option whose value is undefined
 * counts as left out.
 */
export class Grokbox implements AsyncDisposable {
  /** host:port */
  readonly address: string;
  readonly #connection: Connection;

  private constructor(address: string, connection: Connection) {
    this.address = address;
    this.#connection = connection;
  }

  /**
   * Connects, and makes sure that a grokbox server answers.
   *
   * @param address - host:port, or a host alone for the default port 50051
   * @throws UNAVAILABLE when nobody answers there, UNIMPLEMENTED when what answers is no grokbox server
   */
  static async connect(address: string, options: ConnectOptions = {}): Promise<Grokbox> {
    refuseUnknown(options, connectKeys);
    const target = runtime.parseAddress(address);
    const box = new Grokbox(target, new Connection(runtime.openTransport(target), options));
    try {
      await box.info({ signal: options.signal, deadlineMs: options.deadlineMs ?? 10_000 });
      return box;
    } catch (error) {
      box.close();
      throw error instanceof GrokboxError ? unreachable(target, error) : error;
    }
  }

  /** What the server is and can do. */
  async info(options: CallOptions = {}): Promise<ServerInfo> {
    refuseUnknown(options, callKeys);
    return fromServerInfo(await this.#connection.read(ServerService.method.getServerInfo, {}, options));
  }

  /**
   * Makes a session, at step 0 or at the step of the weights or the snapshot that it starts from.
   *
   * @throws INVALID_FIELD with every field that is not what it must be
   */
  async start(options: StartOptions = {}): Promise<Session> {
    return new Session(this.#connection, await startSession(this.#connection, options));
  }

  /** A handle of a session that there is. */
  async session(name: string, options: CallOptions = {}): Promise<Session> {
    refuseUnknown(options, callKeys);
    const { session } = await this.#connection.read(SessionService.method.getSession, { name }, options);
    return new Session(this.#connection, fromSession(session));
  }

  /** Handles of all sessions but those that sweeps made, newest first. The deadline is for each page. */
  async *sessions(options: ListOptions = {}): AsyncGenerator<Session, void, undefined> {
    refuseUnknown(options, listKeys);
    const { state = [], labels = {}, sweep = "", pageSize = 0 } = options;
    const filter = { states: [state].flat().map(toState), labels: { ...labels }, sweep, pageSize };
    let pageToken = "";
    do {
      const request = { ...filter, pageToken };
      const page = await this.#connection.read(SessionService.method.listSessions, request, options);
      for (const session of page.sessions) {
        yield new Session(this.#connection, fromSession(session));
        throwIfCancelled(options.signal);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  }

  /**
   * Starts many runs as one job. It goes on without this client, and after a restart of the server.
   *
   * @throws INVALID_FIELD with every value that is not what it must be
   * @example
   * await using sweep = await box.sweep({
   *   base: { preset: "grokking" },
   *   grid: { weightDecay: [0.5, 1, 2] },
   *   seeds: [1, 2, 3, 4],
   *   untilStep: 20_000,
   * });
   * for await (const run of sweep.runs()) console.log(run.coordinates.weightDecay, run.seed, run.grokkingStep);
   */
  async sweep(options: SweepOptions): Promise<Sweep> {
    const request = { definition: toDefinition(options) };
    const { sweep } = await this.#connection.mutate(SweepService.method.startSweep, request, options);
    return new Sweep(this.#connection, fromSweep(sweep));
  }

  /** A handle of a sweep that there is: sweeps/{id}. */
  async openSweep(name: string, options: CallOptions = {}): Promise<Sweep> {
    refuseUnknown(options, callKeys);
    const { sweep } = await this.#connection.read(SweepService.method.getSweep, { name }, options);
    return new Sweep(this.#connection, fromSweep(sweep));
  }

  /** Handles of all sweeps, newest first. The deadline is for each page. */
  async *sweeps(options: CallOptions = {}): AsyncGenerator<Sweep, void, undefined> {
    refuseUnknown(options, callKeys);
    let pageToken = "";
    do {
      const page = await this.#connection.read(SweepService.method.listSweeps, { pageToken }, options);
      for (const sweep of page.sweeps) {
        yield new Sweep(this.#connection, fromSweep(sweep));
        throwIfCancelled(options.signal);
      }
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  }

  /** Sends weights for one session to start from. The deadline is 10 minutes by default. */
  async uploadWeights(weights: Weights | SafetensorsFile, options: CallOptions = {}): Promise<Upload> {
    refuseUnknown(options, callKeys);
    const deadline = this.#connection.deadline(options, longDeadlineMs);
    return uploadWeights(this.#connection, weights, { signal: options.signal, deadline });
  }

  /** Cancels calls under way and closes the connection. Sessions and runs on the server go on. Idempotent. */
  close(): void {
    this.#connection.close();
  }

  /** How an ideal network does, after changes made one after the other. */
  async ablateIdeal(
    network: IdealNetwork,
    ablations: readonly Ablation[] = [],
    options: AblateOptions = {},
  ): Promise<AblationResult> {
    refuseUnknown(options, ablateKeys);
    return ablate(this.#connection, network, ablations, options);
  }

  /** The decoupled gradient flow of one neuron at one frequency, from anywhere. */
  async simulateFlow(start: FlowStart, method: FlowMethod, options: CallOptions = {}): Promise<Flow> {
    refuseUnknown(options, callKeys);
    return simulateFlow(this.#connection, start, method, options);
  }

  /** Where that flow ends after a time, over a grid of starts: final beta, [scales, doubledPhases]. */
  outcomeContour(options: OutcomeContourOptions): Promise<Tensor<Float64Array>> {
    return outcomeContour(this.#connection, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

function unreachable(address: string, error: GrokboxError): GrokboxError {
  const { rawMessage } = error;
  // An attempt that the deadline cut off while nobody answered is no other failure than the attempts before it.
  const { code, reason } = isUnavailable(error.cause) ? error.cause : error;
  const messages: Partial<Record<string, string>> = {
    UNAVAILABLE: `no grokbox server answers at ${address}: ${rawMessage}. Is it running there, and is the port right?`,
    DEADLINE_EXCEEDED: `${address} did not answer in time: ${rawMessage}`,
    UNIMPLEMENTED: `the server at ${address} is not a grokbox server: ${rawMessage}`,
  };
  return new GrokboxError(messages[code] ?? `can't use the server at ${address}: ${rawMessage}`, {
    code,
    reason,
    metadata: { ...error.metadata, address },
    cause: error,
  });
}
