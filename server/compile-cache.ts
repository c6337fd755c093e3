import module from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/**
 * Keeps what Node has compiled for the next start, in this user's own folder: in the one for everybody's temporary files, where Node
 * would keep it, whoever came first could give others code to run. Threads follow the variable, and nothing else.
 */
export function keepCompiledCode(): void {
  process.env.NODE_COMPILE_CACHE ||= defaultCacheDirectory();
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
}

/** Where this user's cache is, by the XDG Base Directory Specification. */
function defaultCacheDirectory(): string {
  const cache = process.env.XDG_CACHE_HOME;
  return join(cache !== undefined && isAbsolute(cache) ? cache : join(homedir(), ".cache"), "grokbox");
}
