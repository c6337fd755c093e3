import { describeEngine } from "../../server/engine/conformance/engine-conformance.ts";
import { cpuIsas, openCpuEngine } from "../../server/engine/cpu/cpu-engine.ts";
import { openTensorflowEngine } from "../../server/engine/tensorflow/tensorflow-engine.ts";

const evaluator = await openCpuEngine({ threads: 1 });

// The first one is tested in full by `npm test`.
for (const isa of cpuIsas().slice(1)) {
  describeEngine({
    name: `cpu addon, ${isa}`,
    open: (threads) => openCpuEngine({ variant: "addon", isa, ...(threads && { threads }) }),
    threads: [1, 2, 3],
  });
}

describeEngine({
  name: "tensorflow, wasm",
  open: () => openTensorflowEngine({ backend: "wasm", evaluator }),
  threads: [undefined],
  lacks: ["embedding", "grokfast"],
  // Turns are 10 ms.
  ahead: 11,
});

describeEngine({
  name: "tensorflow, cpu, trained at length up to p = 11, M = 10",
  open: () => openTensorflowEngine({ backend: "cpu", evaluator }),
  threads: [undefined],
  lacks: ["embedding", "grokfast"],
  ahead: 11,
  limits: { mostModulus: 11, mostWidth: 10 },
});
