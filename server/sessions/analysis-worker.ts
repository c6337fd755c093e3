import { parentPort } from "node:worker_threads";
import { analysisTasks } from "./analysis-tasks.ts";
import type { AnalysisReply, AnalysisRequest } from "./analyst.ts";

parentPort?.on("message", ({ id, task, args }: AnalysisRequest) => {
  const reply = (message: AnalysisReply) => parentPort?.postMessage(message);
  try {
    reply({ id, result: (analysisTasks[task] as (...args: unknown[]) => unknown)(...args) });
  } catch (error) {
    reply({ id, error });
  }
});
