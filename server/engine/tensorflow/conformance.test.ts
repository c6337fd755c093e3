import { describeEngine } from "../conformance/engine-conformance.ts";
import { openCpuEngine } from "../cpu/cpu-engine.ts";
import { openTensorflowEngine } from "./tensorflow-engine.ts";

const evaluator = await openCpuEngine({ threads: 1 });

const common = {
  threads: [undefined],
  // Turns are 10 ms.
  ahead: 11,
};

describeEngine({
  ...common,
  name: "tensorflow, wasm",
  open: () => openTensorflowEngine({ backend: "wasm", evaluator }),
});

describeEngine({
  ...common,
  name: "tensorflow, cpu, trained at length with at most 10 neurons",
  open: () => openTensorflowEngine({ backend: "cpu", evaluator }),
  mostWidth: 10,
});
