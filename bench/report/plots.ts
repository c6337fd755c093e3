import { svg } from "@grokbox/figures";
import type { Results } from "../results.ts";

interface Plot {
  /** Of the file, without its end. */
  readonly name: string;
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

/** Those for which there is something to show. */
export async function plots(results: Results): Promise<Plot[]> {
  const wanted = [
    ...(results.rows.length > 0 ? [speedPlot(results)] : []),
    ...(results.cost.length > 0 ? [costPlot(results)] : []),
  ];
  return Promise.all(wanted.map(async (drawing) => ({ ...drawing, svg: await svg(drawing) })));
}

type Drawing = Parameters<typeof svg>[0] & { readonly name: string };

function speedPlot({ rows, peers }: Results): Drawing {
  const bars = rows
    .filter(({ cohort }) => cohort === 1)
    .map(({ engine, isa, p, width, threads, stepsPerSecond }) => ({
      who: `${engine} ${isa}`,
      ...panel(p, width, threads),
      stepsPerSecond,
    }));
  const peerBars = peers.flatMap(({ p, width, threads, best }) => {
    const of = rows.filter((row) => row.p === p && row.width === width && row.threads === threads);
    const speed = of.find(({ peerStepsPerSecond }) => peerStepsPerSecond !== null)?.peerStepsPerSecond;
    return best === null || speed === undefined
      ? []
      : [{ who: "best peer", ...panel(p, width, threads), stepsPerSecond: speed }];
  });
  return {
    name: "speed",
    title: "Steps a second, beside the best peer",
    caption:
      "Each panel is a shape, each row of panels a number of threads; the axes are linear and start at 0.",
    spec: {
      data: { values: [...bars, ...peerBars] },
      facet: {
        row: { field: "threads", type: "nominal", title: null },
        column: { field: "shape", type: "nominal", title: null, sort: null },
      },
      resolve: { scale: { x: "independent" } },
      spec: {
        width: 170,
        height: { step: 20 },
        mark: { type: "bar" },
        encoding: {
          y: { field: "who", type: "nominal", title: null, sort: null },
          x: {
            field: "stepsPerSecond",
            type: "quantitative",
            title: "steps a second",
            axis: { tickCount: 4 },
          },
          color: {
            condition: { test: "datum.who === 'best peer'", value: "#D55E00" },
            value: "#0072B2",
          },
        },
      },
    },
  };
}

function panel(p: number, width: number, threads: number) {
  return { shape: `p ${p}, M ${width}`, threads: threads === 1 ? "1 thread" : `${threads} threads` };
}

function costPlot({ cost }: Results): Drawing {
  const values = cost.flatMap(({ over, points, timeExponent }) =>
    points.map(({ p, width, secondsPerStep }) => ({
      over: over === "p" ? "as p grows" : "as M grows",
      series: `${over === "p" ? `M ${points[0].width}` : `p ${p}`}: ${over}^${timeExponent.toFixed(2)}`,
      size: over === "p" ? p : width,
      microseconds: secondsPerStep * 1e6,
    })),
  );
  return {
    name: "cost",
    title: "What a step costs as the network grows",
    caption: "One thread, both axes logarithmic; the exponents are of the lines with the least squares.",
    spec: {
      data: { values },
      facet: { column: { field: "over", type: "nominal", title: null, sort: null } },
      resolve: { scale: { x: "independent" } },
      spec: {
        width: 260,
        height: 220,
        mark: { type: "line", point: true },
        encoding: {
          x: { field: "size", type: "quantitative", title: "p or M", scale: { type: "log" } },
          y: {
            field: "microseconds",
            type: "quantitative",
            title: "microseconds a step",
            scale: { type: "log" },
          },
          color: { field: "series", type: "nominal", title: null },
        },
      },
    },
  };
}
