import { describeEngine } from "../conformance/engine-conformance.ts";
import { openCpuEngine } from "../cpu/cpu-engine.ts";
import { softwareAdapterMissing, softwareShapes, useSoftwareAdapter } from "./testing/software-adapter.ts";
import { openWebGpuEngine } from "./webgpu-engine.ts";

useSoftwareAdapter();
const evaluator = await openCpuEngine({ threads: 1 });

describeEngine({
  name: "webgpu, on SwiftShader",
  missing: softwareAdapterMissing,
  open: () => openWebGpuEngine({ allowSoftware: true, evaluator }),
  threads: [undefined],
  shapes: softwareShapes,
  steps: 60,
  sideBySide: true,
});
