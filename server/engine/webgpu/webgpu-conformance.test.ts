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
  // Those left out have options that others of them have, with others.
  shapes: softwareShapes.filter((_, i) => process.env.LONG_TESTS !== undefined || (i !== 1 && i !== 4)),
  steps: 60,
  sideBySide: true,
});
