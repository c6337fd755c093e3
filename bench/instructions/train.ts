/** Trains on one thread until it is killed, for `count.py` to look at: train.ts P M ISA. Prints its process id when it trains. */
import { openCpuEngine } from "../../server/engine/cpu/cpu-engine.ts";
import { standardProblem } from "../problem.ts";

const [p, width, isa] = process.argv.slice(2);
const engine = await openCpuEngine({ threads: 1, variant: "addon", isa });
const { problem, state } = standardProblem({ p: Number(p), width: Number(width) });
const trainer = await engine.open(problem, state);
console.log(process.pid);
for (;;) await trainer.advance(10_000_000);
