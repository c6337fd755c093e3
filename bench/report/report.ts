import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as describe from "../describe.ts";
import { countsReport } from "../gpu/report.ts";
import type { Results } from "../results.ts";
import { plots } from "./plots.ts";
import { digits, mebibytes, percent, table, times } from "./table.ts";

const plotFolder = "results";

/** Writes the results as Markdown, and plots as SVG in a folder beside it. */
export async function writeReport(results: Results, path: string): Promise<void> {
  const folder = join(dirname(path), plotFolder);
  mkdirSync(folder, { recursive: true });
  const images: string[] = [];
  for (const { name, title, caption, svg } of await plots(results)) {
    writeFileSync(join(folder, `${name}.svg`), svg);
    images.push(`![${title}](${plotFolder}/${basename(name)}.svg)\n\n${caption}`);
  }
  writeFileSync(path, `${[...sections(results), ...images].join("\n\n")}\n`);
}

/** Empty parts are left out. */
export function sections(results: Results): string[] {
  const { machine, date, command, rows, peers, cost, recording } = results;
  const others = [
    ...results.cohort.map(describe.describeCohort),
    ...results.sweep.map(describe.describeSweep),
    ...results.stack.map(describe.describeStack),
    ...(results.service === null ? [] : [describe.describeService(results.service)]),
    ...(results.live === null ? [] : [describe.describeLive(results.live)]),
    ...results.analysis.map(describe.describeAnalysis),
    ...results.tensorflow.map(describe.describeTensorflow),
    ...results.auto.map(describe.describeAuto),
    ...(results.durability === null ? [] : [describe.describeDurability(results.durability)]),
  ].flatMap((text) => text.trim().split("\n"));
  return [
    "# What the bench measured",
    `${date.slice(0, 16).replace("T", " ")} UTC, on ${describe.describeMachine(machine)}, with \`${command.trim()}\`. Everything in a row was measured in one run, in turns; where the machine has other work to do, only shares of the peak and ratios mean anything, and where it has much, only the ratio by processor time. Figures are medians.`,
    ...section(rows, "Engines and the best peer", engineTable(results)),
    ...section(peers, "What was tried as a peer", peerTable(results)),
    ...section(cost, "What a step costs as the network grows", costTable(results)),
    ...section(recording, "What recording costs", recordingTable(results)),
    ...section(others, "Cohorts, sweeps and servers", others.map((text) => `- ${text}`).join("\n")),
    "## A GPU",
    "None is measured here. `npm run bench:gpu` checks and measures everything on a bare machine with a driver, and is made to take less than 8 minutes; [RESULTS-GPU.md](RESULTS-GPU.md) has what it found last. What each kernel must do in a pass of one network, counted from how it is cut up for a large GPU, and how long that takes at least on an H200:",
    countsReport(),
  ];
}

function section(of: readonly unknown[], title: string, text: string): string[] {
  return of.length === 0 ? [] : [`## ${title}`, text];
}

function engineTable({ rows }: Results): string {
  const columns = ["engine", "isa", "p", "M", "threads", "cohort", "steps/s", "GFLOP/s", "of FMA peak"];
  return table(
    [
      ...columns,
      "peak memory, MiB",
      "best peer",
      "its steps/s",
      "its memory, MiB",
      "ratio",
      "by processor time",
    ],
    rows.map((row) => [
      ...[row.engine, row.isa, row.p, row.width, row.threads, row.cohort],
      ...[digits(row.stepsPerSecond), digits(row.gflops), percent(row.fractionOfPeak)],
      ...[mebibytes(row.peakMemoryBytes), row.peer, digits(row.peerStepsPerSecond)],
      ...[mebibytes(row.peerPeakMemoryBytes), times(row.ratioToBestPeer)],
      times(row.ratioByProcessorTime),
    ]),
  );
}

function peerTable({ peers }: Results): string {
  return table(
    ["p", "M", "threads", "framework", "style", "BLAS", "steps/s", "or why not"],
    peers.flatMap(({ p, width, threads, candidates }) =>
      candidates.map(({ framework, version, style, blas, stepsPerSecond, error }) => [
        ...[p, width, threads, version ? `${framework} ${version}` : framework, style ?? null, blas ?? null],
        ...[digits(stepsPerSecond ?? null), error ?? ""],
      ]),
    ),
  );
}

function costTable({ cost }: Results): string {
  return table(
    ["fixed", "microseconds a step", "time grows as", "operations grow as"],
    cost.map(({ over, points, timeExponent, operationsExponent }) => [
      over === "p" ? `M ${points[0].width}` : `p ${points[0].p}`,
      points
        .map(
          ({ p, width, secondsPerStep }) =>
            `${over} ${over === "p" ? p : width}: ${digits(secondsPerStep * 1e6)}`,
        )
        .join("; "),
      `${over}^${timeExponent.toFixed(2)}`,
      `${over}^${operationsExponent.toFixed(2)}`,
    ]),
  );
}

function recordingTable({ recording }: Results): string {
  return table(
    ["through", "threads", "what", "every", "steps/s", "without", "cost", "by processor time"],
    recording.map(({ through, threads, what, every, stepsPerSecond, noneStepsPerSecond, ratio }) => [
      ...[through, threads, what, every, digits(stepsPerSecond), digits(noneStepsPerSecond)],
      ...[percent(1 / ratio.median - 1), percent(1 / ratio.byProcessorTime - 1)],
    ]),
  );
}
