import type { Activation, SessionState, Task } from "@grokbox/sdk";

/** As the server names them. */
export const activationNames = [
  "relu",
  "gelu",
  "x^2",
  "identity",
  "abs",
  "x^3",
  "x^4",
  "x^8",
  "softplus2",
  "exp",
] as const satisfies readonly Activation[];

export const taskNames = ["add", "subtract", "x^2+xy+y^2"] as const satisfies readonly Task[];

export const stateNames = [
  "idle",
  "stepping",
  "running",
  "paused",
  "diverged",
] as const satisfies readonly SessionState[];
