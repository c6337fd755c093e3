import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { UsageError } from "./usage-error.ts";
import type { World } from "./world.ts";

export const defaultServer = "localhost:50051";

/** Which server to talk to, and who said so. */
export interface ServerChoice {
  /** As a person wrote it: host:port or a host alone. */
  readonly address: string;
  /** For people, e.g. `GROKBOX_SERVER`. */
  readonly from: string;
}

/** The option, else `GROKBOX_SERVER`, else the config file, else localhost. Throws UsageError for a config file that can't be read. */
export function chooseServer(option: string | undefined, env: World["env"]): ServerChoice {
  if (option !== undefined) return { address: option, from: "--server" };
  const variable = env.GROKBOX_SERVER;
  if (variable !== undefined && variable !== "") return { address: variable, from: "GROKBOX_SERVER" };
  const path = configPath(env);
  const server = readConfig(path)?.server;
  return server === undefined ? { address: defaultServer, from: "default" } : { address: server, from: path };
}

/** $XDG_CONFIG_HOME/grokbox/config.json; the standard says to ignore a relative one. */
export function configPath({ XDG_CONFIG_HOME, HOME }: World["env"]): string {
  const home =
    XDG_CONFIG_HOME !== undefined && isAbsolute(XDG_CONFIG_HOME)
      ? XDG_CONFIG_HOME
      : join(HOME ?? homedir(), ".config");
  return join(home, "grokbox", "config.json");
}

function readConfig(path: string): { readonly server?: string } | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw new UsageError(`can't read ${path}: ${(error as Error).message}`);
  }
  const wrong = (what: string) =>
    new UsageError(`${path} ${what}; it must be like {"server": "${defaultServer}"}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw wrong(`is not JSON (${(error as Error).message})`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong("holds no object");
  for (const [key, held] of Object.entries(value)) {
    if (key !== "server") throw wrong(`has an unknown key ${JSON.stringify(key)}`);
    if (typeof held !== "string" || held === "") throw wrong(`has ${JSON.stringify(held)} for its server`);
  }
  return value;
}
