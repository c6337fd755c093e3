import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, Gauge, Histogram, Registry as PromRegistry } from "prom-client";
import type { MemoryBudget } from "../sessions/memory-budget.ts";
import type { Observer } from "../sessions/observer.ts";
import type { Registry } from "../sessions/registry.ts";
import type { SessionState } from "../sessions/state.ts";
import type { SweepState } from "../sessions/sweeps/state.ts";
import type { Sweeps } from "../sessions/sweeps/sweeps.ts";

const states: readonly SessionState[] = ["idle", "stepping", "running", "paused", "diverged"];
const sweepStates: readonly SweepState[] = ["running", "paused", "finished", "cancelled"];
const urgencies = ["interactive", "background"] as const;
const delayResolutionMs = 10;

/** From 10 microseconds to 10 s, three a decade. */
const secondsBuckets = Array.from({ length: 19 }, (_, i) => Number((10 ** (i / 3 - 5)).toPrecision(2)));

/** What Prometheus scrapes. Units are in the names; no label carries a session's id. */
export class Metrics implements Observer {
  readonly #prom = new PromRegistry();
  readonly #registers = [this.#prom];
  readonly #steps = new Counter({
    name: "grokbox_steps_total",
    help: "Optimizer updates made.",
    labelNames: ["engine"],
    registers: this.#registers,
  });
  readonly #stepSeconds = new Histogram({
    name: "grokbox_step_seconds",
    help: "Mean time of an update, one observation a slice.",
    labelNames: ["engine"],
    buckets: secondsBuckets,
    registers: this.#registers,
  });
  readonly #sliceSeconds = new Histogram({
    name: "grokbox_slice_seconds",
    help: "How long a session had the device in one turn.",
    labelNames: ["engine", "urgency"],
    buckets: secondsBuckets,
    registers: this.#registers,
  });
  readonly #waitSeconds = new Histogram({
    name: "grokbox_queue_wait_seconds",
    help: "How long a session waited for its turn.",
    labelNames: ["engine", "urgency"],
    buckets: secondsBuckets,
    registers: this.#registers,
  });
  readonly #busySeconds = new Counter({
    name: "grokbox_engine_busy_seconds_total",
    help: "Time that sessions had the device.",
    labelNames: ["engine"],
    registers: this.#registers,
  });
  readonly #deviceLosses = new Counter({
    name: "grokbox_engine_device_losses_total",
    help: "Times that an engine's device was lost under its sessions, which went on from their last commit.",
    labelNames: ["engine"],
    registers: this.#registers,
  });
  readonly #countedLosses = new WeakSet<Error>();
  readonly #commitSeconds = new Histogram({
    name: "grokbox_commit_seconds",
    help: "How long it took to make something durable, by whether it worked.",
    labelNames: ["result"],
    buckets: secondsBuckets,
    registers: this.#registers,
  });
  readonly #rpcSeconds = new Histogram({
    name: "grokbox_rpc_seconds",
    help: "Duration of calls, streams included, by method and gRPC status code.",
    labelNames: ["method", "code"],
    buckets: secondsBuckets,
    registers: this.#registers,
  });

  readonly #liveEvents = new Counter({
    name: "grokbox_live_events_total",
    help: "Events sent over live connections.",
    registers: this.#registers,
  });
  readonly #liveBytes = new Counter({
    name: "grokbox_live_bytes_total",
    help: "Bytes of events sent over live connections.",
    registers: this.#registers,
  });

  get contentType(): string {
    return this.#prom.contentType;
  }

  /** The text that Prometheus reads. */
  text(): Promise<string> {
    return this.#prom.metrics();
  }

  turn(engine: string, urgency: "interactive" | "background", waitedSeconds: number, seconds: number): void {
    this.#waitSeconds.observe({ engine, urgency }, waitedSeconds);
    this.#sliceSeconds.observe({ engine, urgency }, seconds);
    this.#busySeconds.inc({ engine }, seconds);
  }

  commit(result: "ok" | "failed", seconds: number): void {
    this.#commitSeconds.observe({ result }, seconds);
  }

  steps(engine: string, steps: number, seconds: number): void {
    this.#steps.inc({ engine }, steps);
    this.#stepSeconds.observe({ engine }, seconds / steps);
  }

  deviceLost(engine: string, loss: Error): void {
    if (this.#countedLosses.has(loss)) return;
    this.#countedLosses.add(loss);
    this.#deviceLosses.inc({ engine });
  }

  /** @param method - e.g. grokbox.v1.TrainingService/Step */
  rpc(method: string, code: string, seconds: number): void {
    this.#rpcSeconds.observe({ method, code }, seconds);
  }

  liveEvent(bytes: number): void {
    this.#liveEvents.inc();
    this.#liveBytes.inc(bytes);
  }

  /** @param connections - how many there are now */
  observeLive(connections: () => number): void {
    this.#gauge("grokbox_live_connections", "Live connections, such as of open pages.", [], (gauge) => {
      gauge.set(connections());
    });
  }

  /** Adds what is read off the sessions, the process and the build when it is scraped. */
  observe(registry: Registry, sweeps: Sweeps, version: string): void {
    this.#gauge("grokbox_sessions", "Sessions by state.", ["state"], (gauge) => {
      for (const state of states) gauge.set({ state }, 0);
      for (const { state } of registry.all()) gauge.inc({ state });
    });
    this.#gauge("grokbox_sweeps", "Sweeps by state.", ["state"], (gauge) => {
      for (const state of sweepStates) gauge.set({ state }, 0);
      for (const { state } of sweeps.list(Number.POSITIVE_INFINITY)) gauge.inc({ state });
    });
    this.#gauge("grokbox_queue_depth", "Sessions that wait for their turn.", ["urgency"], (gauge) => {
      const depth = registry.queueDepth();
      for (const urgency of urgencies) gauge.set({ urgency }, depth[urgency]);
    });
    this.#gauge("grokbox_subscribers", "Streams of progress under way.", [], (gauge) => {
      gauge.set([...registry.all()].reduce((sum, { log }) => sum + log.cursors.size, 0));
    });
    this.#gauge(
      "grokbox_subscriber_lag_points",
      "Points that the slowest stream of progress is behind.",
      [],
      (gauge) => {
        const lags = [...registry.all()].flatMap(({ log }) =>
          [...log.cursors].map(({ next }) => Math.max(0, log.newest + 1 - next)),
        );
        gauge.set(lags.reduce((most, lag) => Math.max(most, lag), 0));
      },
    );
    this.#gauge("grokbox_state_bytes", "Memory that states, snapshots and uploads take.", [], (gauge) => {
      gauge.set(registry.memory.usedBytes);
    });
    this.#gauge("grokbox_state_limit_bytes", "Memory that they may take.", [], (gauge) => {
      gauge.set(registry.memory.limitBytes);
    });
    this.#gauge("grokbox_store_alarm", "1 while the store can't be written, else 0.", [], (gauge) => {
      gauge.set(registry.storageAlarm === "" ? 0 : 1);
    });
    this.#gauge(
      "grokbox_uncommitted_sessions",
      "Sessions whose present state is not in the store yet.",
      [],
      (gauge) => gauge.set([...registry.all()].filter(({ isDirty }) => isDirty).length),
    );
    this.#gauge("grokbox_store_bytes", "Bytes of the store.", [], async (gauge) => {
      // A store that can't tell is no reason to tell nothing of all the rest.
      const usage = await registry.store.usage().catch(() => undefined);
      if (usage === undefined) gauge.remove();
      else gauge.set(usage.fileBytes + usage.walBytes);
    });
    for (const { engine } of registry.engines) this.#deviceLosses.inc({ engine: engine.name }, 0);
    this.#observeMemory(registry);
    this.#gauge("grokbox_engine_sessions", "Sessions that train now, by engine.", ["engine"], (gauge) => {
      for (const { engine } of registry.engines) gauge.set({ engine: engine.name }, 0);
      for (const one of registry.all()) if (one.isTraining) gauge.inc({ engine: one.engine.name });
    });
    const engineLabels = ["engine", "variant", "isa", "precision", "threads"];
    this.#gauge("grokbox_engine_info", "Engines of this server; always 1.", engineLabels, (gauge) => {
      for (const { engine } of registry.engines) {
        const { name, variant, isa, precision, threads } = engine;
        gauge.set({ engine: name, variant, isa, precision, threads }, 1);
      }
    });
    this.#gauge("grokbox_build_info", "Version of the server; always 1.", ["version", "node"], (gauge) => {
      gauge.set({ version, node: process.version }, 1);
    });
    this.#observeProcess();
  }

  /** Of each engine's device; the server's own, which they share, where its sessions take that. */
  #observeMemory(registry: Registry): void {
    const gauge = (name: string, help: string, bytes: (memory: MemoryBudget) => number) =>
      this.#gauge(name, help, ["engine"], (samples) => {
        for (const { engine } of registry.engines)
          samples.set({ engine: engine.name }, bytes(registry.deviceMemory(engine) ?? registry.memory));
      });
    const used = "Memory set aside where an engine's sessions are: on its device, or the server's.";
    gauge("grokbox_engine_memory_bytes", used, ({ usedBytes }) => usedBytes);
    const limit = "Memory that there is at most where an engine's sessions are.";
    gauge("grokbox_engine_memory_limit_bytes", limit, ({ limitBytes }) => limitBytes);
  }

  #observeProcess(): void {
    const delay = monitorEventLoopDelay({ resolution: delayResolutionMs });
    delay.enable();
    // What is measured is the time between two looks, which are the resolution apart when nothing is late.
    const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - delayResolutionMs / 1e3);
    const help =
      "How late the event loop was since the last scrape: its median, 99th percentile and maximum.";
    this.#gauge("grokbox_event_loop_delay_seconds", help, ["statistic"], (gauge) => {
      const seen = delay.count > 0;
      gauge.set({ statistic: "p50" }, seen ? seconds(delay.percentile(50)) : 0);
      gauge.set({ statistic: "p99" }, seen ? seconds(delay.percentile(99)) : 0);
      gauge.set({ statistic: "max" }, seen ? seconds(delay.max) : 0);
      delay.reset();
    });
    this.#gauge("process_resident_memory_bytes", "Resident memory.", [], (gauge) => {
      gauge.set(process.memoryUsage.rss());
    });
    this.#gauge("process_start_time_seconds", "When the process began, Unix time.", [], (gauge) => {
      gauge.set(performance.timeOrigin / 1000);
    });
    new Counter({
      name: "process_cpu_seconds_total",
      help: "Processor time, user and system.",
      registers: this.#registers,
      collect() {
        const { user, system } = process.cpuUsage();
        this.reset();
        this.inc((user + system) / 1e6);
      },
    });
  }

  #gauge(
    name: string,
    help: string,
    labelNames: readonly string[],
    collect: (gauge: Gauge<string>) => void | Promise<void>,
  ): void {
    new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: this.#registers,
      collect() {
        return collect(this);
      },
    });
  }
}
