import { spawnSync } from "node:child_process";

/** Debian's own, which has Debian's modules; a `python3` that comes first on the PATH may be another. */
export const python = "/usr/bin/python3";

/** Whether what the Python package needs is installed. */
export const hasPythonClient = spawnSync(python, ["-c", "import google.protobuf, grpc, numpy"]).status === 0;
