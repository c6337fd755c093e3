import { describeEngine } from "../conformance/engine-conformance.ts";
import { openCpuEngine } from "../cpu/cpu-engine.ts";
import { openTensorflowEngine } from "./tensorflow-engine.ts";

const evaluator = await openCpuEngine({ threads: 1 });

describeEngine({
  name: "tensorflow, wasm",
  open: () => openTensorflowEngine({ backend: "wasm", evaluator }),
  lacks: ["embedding", "grokfast"],
  threads: [undefined],
  // Turns are 10 ms.
  ahead: 11,
});
