import { labelRow } from "./label-row.ts";
import { stageColours } from "./palette.ts";
import type { Layer } from "./panel.ts";

/** Steps that are shown, and where the stages end; null where that is not known, or after what is shown. */
export interface StageTimes {
  readonly from: number;
  readonly to: number;
  readonly memorizationEnd: number | null;
  readonly generalizationEnd: number | null;
}

const fontSize = 10;

/**
 * The stages as backgrounds of a panel, each with its name above it.
 *
 * @param x - the panel's axis, logarithmic over exactly the steps that are shown
 * @param width - of the panel, pixels
 */
export function stageShades(times: StageTimes, x: object, width: number): Layer[] {
  const { from, to, memorizationEnd, generalizationEnd } = times;
  if (memorizationEnd === null) return [];
  const shown = (step: number) => Math.min(to, Math.max(from, step));
  const bounds = [from, shown(memorizationEnd), shown(generalizationEnd ?? to), to];
  const stages = (["memorization", "generalization", "cleanup"] as const)
    .map((stage, i) => ({ stage, from: bounds[i]!, to: bounds[i + 1]! }))
    .filter((stage) => stage.to > stage.from);
  return [
    {
      data: { values: stages },
      mark: { type: "rect", opacity: 1 },
      encoding: {
        x: { ...x, field: "from" },
        x2: { field: "to" },
        color: {
          field: "stage",
          type: "nominal",
          legend: null,
          scale: { domain: Object.keys(stageColours), range: Object.values(stageColours) },
        },
      },
    },
    {
      data: { values: names(stages, times, width) },
      mark: { type: "text", fontSize, color: "#555", baseline: "bottom", dy: -3, clip: false },
      encoding: { x: { ...x, field: "middle" }, y: { value: 0 }, text: { field: "stage" } },
    },
  ];
}

/** Each in the middle of its stage, unless that is too near to another's or to the edge of the panel. */
function names(
  stages: readonly { readonly stage: string; readonly from: number; readonly to: number }[],
  { from, to }: StageTimes,
  width: number,
) {
  // Of a factor of e in steps.
  const pixels = width / Math.log(to / from);
  const labels = stages.map((stage) => ({
    text: stage.stage,
    middle: (pixels * Math.log((stage.from / from) * (stage.to / from))) / 2,
  }));
  return labelRow(labels, width, fontSize).map((middle, i) => ({
    stage: labels[i]!.text,
    middle: from * Math.exp(middle / pixels),
  }));
}
