import { SweepService } from "@grokbox/proto/sweep";
import type { Connection } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { defined } from "./defined.ts";
import { throwIfCancelled } from "./error.ts";
import { refuseUnknown } from "./known-keys.ts";
import { readBands, type SweepBands, type SweepBandsOptions } from "./sweep-bands.ts";
import { fromSweep, type SweepInfo } from "./sweep-info.ts";
import { fromSweepRun, type SweepRun } from "./sweep-run.ts";
import { type SweepEvent, type SweepWatchOptions, watchSweep } from "./sweep-watch.ts";
import { toUint64 } from "./uint64.ts";

/**
 * A handle of a sweep on the server: many runs as one job, which goes on whether anybody holds it or not. Letting go of the handle
 * (`await using`) ends what it watches; pausing, cancelling and deleting are explicit calls.
 */
export class Sweep implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #release = new AbortController();
  #info: SweepInfo;

  /** Made by `Grokbox`, not by scripts. */
  constructor(connection: Connection, info: SweepInfo) {
    this.#connection = connection;
    this.#info = info;
  }

  /** sweeps/{id} */
  get name(): string {
    return this.#info.name;
  }

  /** The sweep as this handle last heard of it. */
  get info(): SweepInfo {
    return this.#info;
  }

  /** Asks the server for the sweep as it is now. */
  async refresh(options: CallOptions = {}): Promise<SweepInfo> {
    refuseUnknown(options, callKeys);
    const { sweep } = await this.#connection.read(SweepService.method.getSweep, { name: this.name }, options);
    return this.#learn(fromSweep(sweep));
  }

  /**
   * Every finished run, those that have finished already and those to come, as they finish; it ends with the sweep. While the sweep is
   * paused it waits.
   *
   * @example
   * for await (const run of sweep.runs()) console.log(run.coordinates, run.seed, run.grokkingStep);
   */
  async *runs(options: SweepWatchOptions = {}): AsyncGenerator<SweepRun, void, undefined> {
    for await (const event of this.watch(options)) if (event.kind === "run") yield event;
  }

  /** The same, and how it goes in between. It is taken up again by itself after a lost connection. */
  async *watch(options: SweepWatchOptions = {}): AsyncGenerator<SweepEvent, void, undefined> {
    for await (const event of watchSweep(this.#connection, this.name, options, this.#release.signal)) {
      if (event.kind === "progress") this.#learn({ ...this.#definition, ...event.sweep });
      yield event;
    }
  }

  /** The runs that have finished by now, in the order in which they finished, in as many answers as they need. */
  async *summaries(
    options: CallOptions & { readonly from?: number | undefined } = {},
  ): AsyncGenerator<SweepRun, void, undefined> {
    refuseUnknown(options, { from: true, ...callKeys });
    let fromSequence = toUint64(options.from ?? 0, "from_sequence");
    do {
      const request = { name: this.name, fromSequence, pageSize: 1_000 };
      const page = await this.#connection.read(SweepService.method.listSweepRuns, request, options);
      for (const run of page.runs) {
        yield fromSweepRun(run);
        throwIfCancelled(options.signal);
      }
      fromSequence = page.nextSequence;
    } while (fromSequence !== 0n);
  }

  /** Median and quartiles over seeds of the four progress panels, group by group, of the runs that have finished by now. */
  bands(options: SweepBandsOptions = {}): AsyncGenerator<SweepBands, void, undefined> {
    return readBands(this.#connection, this.name, options);
  }

  /** Stops every run at its next step, and keeps everything. Resolves when they have stopped. */
  async pause(options: CallOptions = {}): Promise<SweepInfo> {
    refuseUnknown(options, callKeys);
    const request = { name: this.name };
    const { sweep } = await this.#connection.mutate(SweepService.method.pauseSweep, request, options);
    return this.#learn({ ...this.#definition, ...fromSweep(sweep) });
  }

  /** Goes on where it was paused. */
  async resume(options: CallOptions = {}): Promise<SweepInfo> {
    refuseUnknown(options, callKeys);
    const request = { name: this.name };
    const { sweep } = await this.#connection.mutate(SweepService.method.resumeSweep, request, options);
    return this.#learn({ ...this.#definition, ...fromSweep(sweep) });
  }

  /** Stops for good: what has finished stays, runs under way are dropped. */
  async cancel(options: CallOptions = {}): Promise<SweepInfo> {
    refuseUnknown(options, callKeys);
    const request = { name: this.name };
    const { sweep } = await this.#connection.mutate(SweepService.method.cancelSweep, request, options);
    return this.#learn({ ...this.#definition, ...fromSweep(sweep) });
  }

  /** Stops and forgets it and its runs, but for sessions that were to stay. */
  async delete(options: CallOptions = {}): Promise<void> {
    refuseUnknown(options, callKeys);
    await this.#connection.mutate(SweepService.method.deleteSweep, { name: this.name }, options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#release.abort();
  }

  /** What never changes, and not every answer has. */
  get #definition(): Pick<SweepInfo, "definition" | "invalidValues"> {
    const { definition, invalidValues } = this.#info;
    return defined({ definition, invalidValues });
  }

  #learn(info: SweepInfo): SweepInfo {
    this.#info = info;
    return info;
  }
}
