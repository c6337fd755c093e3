import { AnalysisService } from "@grokbox/proto/analysis";
import { ServerService } from "@grokbox/proto/server";
import { SessionService } from "@grokbox/proto/session";
import { SnapshotService } from "@grokbox/proto/snapshot";
import { TrainingService } from "@grokbox/proto/training";
import { Server } from "@grpc/grpc-js";
import { type Logger, pino } from "pino";
import { type Config, configure } from "./config.ts";
import { openCpuEngine } from "./engine/cpu/cpu-engine.ts";
import { analysisService } from "./rpc/analysis-service.ts";
import { CallLog } from "./rpc/call.ts";
import { type Listener, listen } from "./rpc/listener.ts";
import { maxMessageBytes, serverService } from "./rpc/server-service.ts";
import { definition, type Handlers, implementation } from "./rpc/service.ts";
import { sessionService } from "./rpc/session-service.ts";
import { snapshotService } from "./rpc/snapshot-service.ts";
import { trainingService } from "./rpc/training-service.ts";
import { type OfferedEngine, Registry } from "./sessions/registry.ts";
import { version } from "./version.ts";

const maxConnections = 1_000;

/** How long streams and calls get to end by themselves once the sessions are at rest. */
const drainMs = 3_000;

export interface RunningServer {
  /** host:port that clients connect to. */
  readonly address: string;
  readonly engines: readonly OfferedEngine[];
  readonly registry: Registry;
  /** Finishes slices, ends streams, and frees everything. */
  close(): Promise<void>;
}

/** The composition root: makes every room, connects them, and closes them in reverse. */
export async function startServer(values: Partial<Config> = {}): Promise<RunningServer> {
  const config = configure(values);
  const logger = pino({ name: "grokbox", level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  const engines = [await offerCpu(config)];
  const registry = new Registry(engines, config);
  const rpc = rpcServer(registry, logger);
  let listener: Listener;
  try {
    listener = await listen(rpc, config.host, config.port, maxConnections);
  } catch (error) {
    await registry.close();
    throw error;
  }
  const address = `${config.host.includes(":") ? `[${config.host}]` : config.host}:${listener.port}`;
  logger.debug({ address }, "listening");
  return {
    address,
    engines,
    registry,
    close: async () => {
      await registry.shutDown();
      await listener.close(drainMs);
      await registry.close();
      logger.debug("closed");
    },
  };
}

async function offerCpu({ cpuVariant, threads }: Config): Promise<OfferedEngine> {
  const engine = await openCpuEngine({
    threads,
    ...(cpuVariant === undefined ? {} : { variant: cpuVariant }),
  });
  return { engine, reason: "the only engine of this server", fallbackReason: engine.fallbackReason ?? "" };
}

function rpcServer(registry: Registry, logger: Logger): Server {
  const server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.enable_channelz": 0,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
  });
  const log = new CallLog(logger);
  const add = <S extends Parameters<typeof definition>[0]>(service: S, handlers: Handlers<S>) =>
    server.addService(definition(service), implementation(service, handlers, log));
  add(SessionService, sessionService(registry));
  add(TrainingService, trainingService(registry, logger));
  add(AnalysisService, analysisService(registry));
  add(SnapshotService, snapshotService(registry));
  add(ServerService, serverService(registry, version));
  return server;
}
