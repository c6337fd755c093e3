import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

const main = join(import.meta.dirname, "../../server/main.ts");

/** A server as a process of its own, which can be killed and started again in the same place. */
export class Served implements AsyncDisposable {
  readonly #data: string;
  #child: ChildProcess;
  /** host:port of gRPC. */
  readonly address: string;
  /** host:port of the web pages. */
  readonly webAddress: string;

  private constructor(data: string, child: ChildProcess, address: string, webAddress: string) {
    this.#data = data;
    this.#child = child;
    this.address = address;
    this.webAddress = webAddress;
  }

  /** @param data - folder of the store */
  static async start(data: string): Promise<Served> {
    const { child, address, webAddress } = await start(data, "0", "0");
    return new Served(data, child, address, webAddress);
  }

  /** As a crash does. */
  async kill(): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }

  async restart(): Promise<void> {
    const port = (address: string) => address.slice(address.lastIndexOf(":") + 1);
    ({ child: this.#child } = await start(this.#data, port(this.address), port(this.webAddress)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await exited;
  }
}

async function start(data: string, port: string, webPort: string) {
  const flags = ["--port", port, "--web-port", webPort, "--data", data, "--log-level", "error"];
  const env = { ...process.env, GROKBOX_EPHEMERAL: "" };
  const child = spawn(process.execPath, [main, ...flags], { stdio: ["ignore", "pipe", "inherit"], env });
  let address: string | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    address ??= /is ready on (\S+)/.exec(line)?.[1];
    const webAddress = /metrics {2}http:\/\/(\S+)\/metrics/.exec(line)?.[1];
    if (address === undefined || webAddress === undefined) continue;
    child.stdout.resume();
    return { child, address, webAddress };
  }
  throw new Error("the server ended before it was ready");
}
