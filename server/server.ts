import { hostname } from "node:os";
import { join } from "node:path";
import { AnalysisService } from "@grokbox/proto/analysis";
import { Health } from "@grokbox/proto/health";
import { ServerService } from "@grokbox/proto/server";
import { SessionService } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { SweepService } from "@grokbox/proto/sweep";
import { TrainingService } from "@grokbox/proto/training";
import { type Logger, pino } from "pino";
import { calibrated } from "./calibration-file.ts";
import { type Config, configure } from "./config.ts";
import { type EngineOpeners, engineOpeners, openEngines } from "./engines.ts";
import { analysisService } from "./rpc/analysis-service.ts";
import { CallLog } from "./rpc/call.ts";
import { connectListener } from "./rpc/connect.ts";
import { healthService } from "./rpc/health-service.ts";
import { type Listener, listen } from "./rpc/listener.ts";
import { addReflection } from "./rpc/reflection.ts";
import { RpcServer } from "./rpc/rpc-server.ts";
import { maxMessageBytes, serverService } from "./rpc/server-service.ts";
import { definition, implementation, type Served, served } from "./rpc/service.ts";
import { sessionService } from "./rpc/session-service.ts";
import { snapshotService } from "./rpc/snapshot-service.ts";
import { sweepService } from "./rpc/sweep-service.ts";
import { trainingService } from "./rpc/training-service.ts";
import { unhandled, unknown } from "./rpc/unhandled.ts";
import type { EngineSet } from "./sessions/engines.ts";
import { Registry } from "./sessions/registry.ts";
import type { Session } from "./sessions/session.ts";
import { Sweeps } from "./sessions/sweeps/sweeps.ts";
import { type Alarm, openStore } from "./store/store.ts";
import { version } from "./version.ts";
import { serveWeb, type WebServer } from "./web/http.ts";
import { Metrics } from "./web/metrics.ts";

/** Where `npm run build:dashboard` puts it. */
const dashboard = join(import.meta.dirname, "../clients/dashboard/dist");

const maxConnections = 1_000;

/** How long streams and calls get to end by themselves once the sessions are at rest. */
const drainMs = 3_000;

export interface RunningServer {
  /** host:port that clients connect to. */
  readonly address: string;
  /** host:port of the web pages. */
  readonly webAddress: string;
  readonly engines: EngineSet;
  readonly registry: Registry;
  readonly sweeps: Sweeps;
  /**
   * Finishes slices, ends streams, and frees everything.
   *
   * @returns whether the store has all that there was to be stored; what it lacks is in the log
   */
  close(): Promise<boolean>;
}

/** The composition root: makes every room, connects them, and closes them in reverse. */
export async function startServer(
  values: Partial<Config> = {},
  openers: EngineOpeners = engineOpeners,
): Promise<RunningServer> {
  const config = configure(values);
  const logger = pino({ name: "grokbox", level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  const metrics = new Metrics();
  // First: another server may have it, and then nothing else is of use.
  const store = await openStore({
    directory: config.data,
    holder: `process ${process.pid} on ${hostname()}, to serve ${config.host}, port ${config.port}`,
    maxEphemeralBytes: config.maxStateBytes,
    onAlarm: (alarm) => tellAlarm(logger, alarm),
  });
  const engines = await openEngines(config, openers)
    .then((set) => calibrated(set, config.data, logger))
    .catch(async (error) => {
      await store.close();
      throw error;
    });
  for (const { name, reason } of engines.absent) logger.info({ engine: name, reason }, "is not offered");
  const { checkpointEveryMs } = config;
  const onDefect = (err: unknown) => logger.error({ err }, "defect");
  const registry = new Registry({
    engines,
    limits: config,
    store,
    observer: metrics,
    onDefect,
    checkpointEveryMs,
  });
  const sweeps = new Sweeps(registry, onDefect, config);
  metrics.observe(registry, sweeps, version);
  const resume = config.resumeRuns;
  for (const damage of [...(await registry.restore({ resume })), ...(await sweeps.restore({ resume }))])
    logger.error({ damage }, "damaged, and left out; grokbox doctor tells more");
  const log = new CallLog(logger, (method, code, seconds) => metrics.rpc(method, code, seconds));
  const services = servicesOf(registry, sweeps);
  const rpc = rpcServer(registry, services, log);
  const toRest = async () => {
    sweeps.stop();
    await registry.shutDown();
    await sweeps.shutDown();
    // What is kept in memory is gone in any case.
    const lost = config.data === undefined ? [] : registry.unstored;
    for (const session of lost) tellLost(logger, session);
    return lost.length === 0;
  };
  let web: WebServer | undefined;
  let listener: Listener;
  try {
    web = await serveWeb(
      {
        registry,
        metrics,
        calls: connectListener(services, log),
        dashboard,
        origins: config.webOrigins,
        onDefect: (errorId, err, path) => logger.error({ errorId, path, err }, "defect"),
      },
      config.host,
      config.webPort,
    );
    listener = await listen(rpc, {
      host: config.host,
      port: config.port,
      maxConnections,
      onUnknown: (path) => unknown(log, path),
    });
  } catch (error) {
    await web?.close();
    await toRest();
    await registry.close();
    throw error;
  }
  const served = web;
  const host = config.host.includes(":") ? `[${config.host}]` : config.host;
  const address = `${host}:${listener.port}`;
  logger.debug({ address }, "listening");
  return {
    address,
    webAddress: `${host}:${web.port}`,
    engines,
    registry,
    sweeps,
    close: async () => {
      const isWhole = await toRest();
      await listener.close(drainMs);
      await served.close();
      await registry.close();
      logger.debug("closed");
      return isWhole;
    },
  };
}

/** One line when the store can't be written, and one when it can again: not one for all that could not be stored meanwhile. */
function tellAlarm(logger: Logger, alarm: Alarm | undefined): void {
  if (alarm === undefined) {
    logger.info("the store can be written again");
    return;
  }
  const { error, session } = alarm;
  const of = session === undefined ? {} : { session: `sessions/${session}` };
  logger.error({ ...of, reason: error.message }, "the store can't be written");
}

/** What the next server does not find of a session as it was here. */
function tellLost(logger: Logger, { name, step, state, keeper }: Session): void {
  const storedStep = keeper.committed?.step;
  const what = state === "deleted" ? "its deletion" : `at step ${step}, stored at ${storedStep}`;
  const reason = keeper.alarm === "" ? {} : { reason: keeper.alarm };
  logger.error({ session: name, step, storedStep, ...reason }, `could not be stored: ${what}`);
}

function servicesOf(registry: Registry, sweeps: Sweeps): readonly Served[] {
  return [
    served(SessionService, sessionService(registry)),
    served(TrainingService, trainingService(registry)),
    served(AnalysisService, analysisService(registry)),
    served(SnapshotService, snapshotService(registry)),
    served(SweepService, sweepService(sweeps)),
    served(ServerService, serverService(sweeps, version)),
  ];
}

function rpcServer(registry: Registry, services: readonly Served[], log: CallLog): RpcServer {
  const server = new RpcServer({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    interceptors: [unhandled(log)],
  });
  const descriptions = services.map(({ service }) => service);
  const names = descriptions.map(({ typeName }) => typeName);
  for (const { service, handlers } of [...services, served(Health, healthService(registry, names))]) {
    server.addService(definition(service), implementation(service, handlers, log, registry.closing));
  }
  addReflection(server, [...descriptions, Health]);
  return server;
}
