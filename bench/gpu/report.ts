import type { Check } from "./checks.ts";
import { card, countKernels, floorOf } from "./counts.ts";
import { bestPeer, type PeerRow } from "./peers.ts";
import type { GpuSpeed } from "./speeds.ts";

/** All that `npm run bench:gpu` measured: what `--json` prints. */
export interface GpuResults {
  readonly date: string;
  readonly command: string;
  readonly device: string;
  readonly checks: readonly Check[];
  readonly speeds: readonly GpuSpeed[];
  readonly peers: readonly PeerRow[];
}

const count = (value: number) => Math.round(value).toLocaleString("en");
const microseconds = (value: number) => value.toFixed(value < 10 ? 2 : 0);

/** For people, in Markdown. */
export function reportOf({ date, command, device, checks, speeds, peers }: GpuResults): string {
  const speedRows = speeds.map(({ p, width, cohort, stepsPerSecond, deviceBytes }) => {
    const peer = bestPeer(peers, p, width);
    const ratio =
      peer?.stepsPerSecond === undefined ? "" : `${(stepsPerSecond / peer.stepsPerSecond).toFixed(2)}`;
    // 6 M p operations a pair: three matrix products over the unordered pairs.
    const teraflops = (stepsPerSecond * 6 * width * p * ((p * (p + 1)) / 2)) / 1e12;
    const mebibytes = deviceBytes === undefined ? "" : count(deviceBytes / 2 ** 20);
    return [p, width, cohort, count(stepsPerSecond), teraflops.toFixed(2), ratio, mebibytes].join(" | ");
  });
  const peerRows = peers.map((row) =>
    [
      `${row.framework} ${row.version ?? ""}`,
      row.style,
      row.p,
      row.width,
      row.precision ?? "",
      row.cohort ?? "",
      row.stepsPerSecond === undefined ? (row.error ?? "") : count(row.stepsPerSecond),
    ].join(" | "),
  );
  return `${[
    "# The GPU engine, measured",
    `${device}, ${date}, \`${command}\`.`,
    "Steps a second are of all sessions of a cohort together; the ratio is to the best peer that trains one network in float32 (below), on the same card, in the same run. TFLOP/s count three matrix products over the unordered pairs.",
    table("p | M | sessions | steps/s | TFLOP/s | ratio to the best peer | MiB of device memory", speedRows),
    "## Checks",
    table(
      "what | | measured",
      checks.map(({ what, passed, detail }) => `${what} | ${passed ? "ok" : "**FAILED**"} | ${detail}`),
    ),
    "## The peers",
    peers.length === 0
      ? "None were measured."
      : table("framework | style | p | M | precision | networks | steps/s", peerRows),
  ].join("\n\n")}\n`;
}

/** What each kernel does in a pass of one network and the time that takes at least, in Markdown; needs no GPU. */
export function countsReport(): string {
  const rows = [
    { p: 23, width: 512 },
    { p: 97, width: 9107 },
  ]
    .flatMap(countKernels)
    .map((counted) => {
      const { p, width, kernel, members, workgroups, needed, made, loads, bytes } = counted;
      const { arithmetic, memory } = floorOf(counted);
      return [
        ...[p, width, members, kernel, count(workgroups)],
        needed === 0 ? "" : count(needed / 1e3),
        needed === 0 ? "" : (made / needed).toFixed(2),
        needed === 0 ? "" : (made / loads).toFixed(1),
        count(bytes / 1e3),
        needed === 0 ? "" : microseconds(arithmetic),
        microseconds(memory),
      ].join(" | ");
    });
  return table(
    "p | M | side by side | kernel | workgroups | thousand multiply-adds | made, of those | a load of 16 bytes | thousand bytes | us at " +
      `${card.operations / 1e12} TFLOP/s | us at ${card.bytes / 1e12} TB/s`,
    rows,
  );
}

function table(header: string, rows: readonly string[]): string {
  const columns = header.split("|").length;
  return [header, Array(columns).fill("---").join(" | "), ...rows].map((row) => `| ${row} |`).join("\n");
}
