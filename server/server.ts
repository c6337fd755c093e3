import { hostname } from "node:os";
import { join } from "node:path";
import { AnalysisService } from "@grokbox/proto/analysis";
import { Health } from "@grokbox/proto/health";
import { ServerService } from "@grokbox/proto/server";
import { SessionService } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { SweepService } from "@grokbox/proto/sweep";
import { TrainingService } from "@grokbox/proto/training";
import { Server } from "@grpc/grpc-js";
import { pino } from "pino";
import { calibrated } from "./calibration-file.ts";
import { type Config, configure } from "./config.ts";
import { type EngineOpeners, engineOpeners, openEngines } from "./engines.ts";
import { analysisService } from "./rpc/analysis-service.ts";
import { CallLog } from "./rpc/call.ts";
import { connectListener } from "./rpc/connect.ts";
import { healthService } from "./rpc/health-service.ts";
import { type Listener, listen } from "./rpc/listener.ts";
import { addReflection } from "./rpc/reflection.ts";
import { maxMessageBytes, serverService } from "./rpc/server-service.ts";
import { definition, implementation, type Served, served } from "./rpc/service.ts";
import { sessionService } from "./rpc/session-service.ts";
import { snapshotService } from "./rpc/snapshot-service.ts";
import { sweepService } from "./rpc/sweep-service.ts";
import { trainingService } from "./rpc/training-service.ts";
import type { EngineSet } from "./sessions/engines.ts";
import { Registry } from "./sessions/registry.ts";
import { Sweeps } from "./sessions/sweeps/sweeps.ts";
import { openStore } from "./store/store.ts";
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
  /** Finishes slices, ends streams, and frees everything. */
  close(): Promise<void>;
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
        onDefect: (errorId, err) => logger.error({ errorId, method: "live", err }, "defect"),
      },
      config.host,
      config.webPort,
    );
    listener = await listen(rpc, config.host, config.port, maxConnections);
  } catch (error) {
    await web?.close();
    sweeps.stop();
    await registry.shutDown();
    await sweeps.shutDown();
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
      sweeps.stop();
      await registry.shutDown();
      await sweeps.shutDown();
      await listener.close(drainMs);
      await served.close();
      await registry.close();
      logger.debug("closed");
    },
  };
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

function rpcServer(registry: Registry, services: readonly Served[], log: CallLog): Server {
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
  });
  const descriptions = services.map(({ service }) => service);
  const names = descriptions.map(({ typeName }) => typeName);
  for (const { service, handlers } of [...services, served(Health, healthService(registry, names))]) {
    server.addService(definition(service), implementation(service, handlers, log));
  }
  addReflection(server, [...descriptions, Health]);
  return server;
}
