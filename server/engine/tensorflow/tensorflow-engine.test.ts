import { describeEngine } from "../conformance/engine-conformance.ts";
import { openCpuEngine } from "../cpu/cpu-engine.ts";
import { openTensorflowEngine } from "./tensorflow-engine.ts";

const evaluator = await openCpuEngine({ threads: 1 });

for (const backend of ["cpu", "wasm"] as const) {
  describeEngine({
    name: `tensorflow, ${backend}`,
    open: () => openTensorflowEngine({ backend, evaluator }),
    threads: [undefined],
  });
}
