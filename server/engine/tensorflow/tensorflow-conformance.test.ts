import { describeEngine } from "../conformance/engine-conformance.ts";
import { openCpuEngine } from "../cpu/cpu-engine.ts";
import { openTensorflowEngine } from "./tensorflow-engine.ts";

const evaluator = await openCpuEngine({ threads: 1 });

describeEngine({
  name: "tensorflow, wasm, trained at length up to p = 11, M = 10",
  open: () => openTensorflowEngine({ backend: "wasm", evaluator }),
  lacks: ["embedding", "grokfast"],
  threads: [undefined],
  // Turns are 10 ms.
  ahead: 11,
  isBrief: true,
  steps: 300,
  limits: { mostModulus: 11, mostWidth: 10 },
});
