import type { Task } from "./spec.ts";

/** All tasks, by their names. */
export const tasks = ["add", "subtract", "x^2+xy+y^2"] as const satisfies readonly Task[];

const forms: Readonly<Record<Task, (x: number, y: number) => number>> = {
  add: (x, y) => x + y,
  subtract: (x, y) => x - y,
  "x^2+xy+y^2": (x, y) => x * x + x * y + y * y,
};

/**
 * The label c(x, y) of every ordered pair, mod p.
 *
 * @returns [p, p] row-major, values 0..p-1
 */
export function labels(task: Task, modulus: number): Uint8Array {
  const form = forms[task];
  return Uint8Array.from({ length: modulus * modulus }, (_, pair) => {
    const y = pair % modulus;
    const residue = form((pair - y) / modulus, y) % modulus;
    return residue < 0 ? residue + modulus : residue;
  });
}
