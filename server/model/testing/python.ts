import { spawnSync } from "node:child_process";

/** Interpreters that may have PyTorch; Debian's package installs it for the system's own. */
const interpreters = ["python3", "/usr/bin/python3"];

/** A Python interpreter that has all `modules`, to compare with the originals; undefined when there is none. */
export function findPython(...modules: string[]): string | undefined {
  const names = modules.map((name) => `"${name}"`).join(", ");
  const probe = `import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in [${names}]))`;
  return interpreters.find((path) => spawnSync(path, ["-c", probe]).status === 0);
}

/** Runs a program that writes raw bytes to its standard output; `input`, as JSON, is on its standard input. */
export function runPython(interpreter: string, program: string, input: unknown): Uint8Array {
  const { status, stdout, stderr } = spawnSync(interpreter, ["-c", program], {
    input: JSON.stringify(input),
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${interpreter} failed (${status}): ${stderr}`);
  return Uint8Array.from(stdout);
}
