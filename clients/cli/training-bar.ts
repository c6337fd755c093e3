import type { ProgressPoint, Session } from "@grokbox/sdk";
import cliProgress from "cli-progress";
import { count, duration, measure, percent, short } from "./numbers.ts";
import { type Output, type Style, styleOf } from "./output.ts";
import { stageFormat } from "./point-text.ts";

/** Between looks at a session whose points are far apart, milliseconds. */
const lookMs = 500;
/** The speed shown is that of so much time back, milliseconds. */
const speedWindowMs = 2_000;

/** A line that shows how training goes, for as long as it is not stopped; nothing where no person looks. */
export class TrainingBar {
  readonly #bar: cliProgress.SingleBar | undefined;
  readonly #times: { readonly step: number; readonly ms: number }[];
  #point: ProgressPoint | undefined;

  /** @param until - step at which training is to end, if any */
  constructor(output: Output, from: number, until: number | undefined) {
    this.#times = [{ step: from, ms: performance.now() }];
    if (!output.isAttended) return;
    const style = styleOf(output.stderr);
    this.#bar = new cliProgress.SingleBar({
      stream: output.stderr,
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false,
      format: (_options, { value, maxWidth }) =>
        line({ step: value, from, until, rate: this.rate, point: this.#point }, maxWidth, style),
    });
    this.#bar.start(until ?? Number.MAX_SAFE_INTEGER, from);
  }

  /** Steps a second of late; 0 while unknown. */
  get rate(): number {
    const [first] = this.#times;
    const last = this.#times.at(-1);
    if (first === undefined || last === undefined || last.ms === first.ms) return 0;
    return ((last.step - first.step) * 1_000) / (last.ms - first.ms);
  }

  update(point: ProgressPoint): void {
    this.#point = point;
    this.at(point.step);
  }

  at(step: number): void {
    const ms = performance.now();
    this.#times.push({ step, ms });
    while (this.#times.length > 2 && this.#times[1]!.ms < ms - speedWindowMs) this.#times.shift();
    this.#bar?.update(step);
  }

  /** Looks at the session while no points come. Returns what ends that. */
  follow(session: Session, signal: AbortSignal): () => void {
    if (this.#bar === undefined) return () => {};
    const timer = setInterval(() => {
      if (performance.now() - this.#times.at(-1)!.ms < lookMs) return;
      // A look that fails is no loss: what trains tells when it fails itself.
      session.refresh({ signal }).then(
        ({ step }) => this.at(step),
        () => {},
      );
    }, lookMs);
    return () => clearInterval(timer);
  }

  /** Leaves the terminal as it was. Idempotent. */
  stop(): void {
    this.#bar?.stop();
  }
}

interface Progress {
  readonly step: number;
  readonly from: number;
  readonly until: number | undefined;
  /** Steps a second. */
  readonly rate: number;
  readonly point: ProgressPoint | undefined;
}

/** As much as fits, the bar in what room is left. */
export function line({ step, from, until, rate, point }: Progress, width: number, style: Style): string {
  const share = until === undefined ? undefined : Math.min(1, (step - from) / Math.max(1, until - from));
  const accuracy =
    point?.testAccuracy === undefined
      ? (["train", point?.trainAccuracy] as const)
      : (["test", point.testAccuracy] as const);
  const left = until === undefined || rate === 0 ? "" : `${duration((until - step) / rate)} left`;
  const parts = [
    { text: share === undefined ? "" : `${Math.floor(share * 100)}%`.padStart(4), keep: 9 },
    { text: "", keep: 8, isBar: true },
    { text: until === undefined ? `step ${count(step)}` : `${count(step)}/${count(until)}`, keep: 9 },
    { text: rate === 0 ? "" : `${short(rate)}/s`, keep: 5 },
    { text: left, keep: 4 },
    { text: point === undefined ? "" : `loss ${measure(point.trainLoss)}`, keep: 7 },
    { text: accuracy[1] === undefined ? "" : `${accuracy[0]} ${percent(accuracy[1])}`, keep: 6 },
    { text: point?.stage ?? "", keep: 3, format: stageFormat(point?.stage) },
  ].filter(({ text, isBar }) => text !== "" || (isBar && share !== undefined));
  const shortestBar = 8;
  const needed = () =>
    parts.reduce((sum, { text, isBar }) => sum + (isBar ? shortestBar : text.length) + 2, -2);
  while (needed() >= width) {
    const least = parts.reduce((found, part) => (part.keep < found.keep ? part : found));
    if (least.keep === 9) break;
    parts.splice(parts.indexOf(least), 1);
  }
  const room = Math.min(40, shortestBar + width - 1 - needed());
  return parts
    .map(({ text, isBar, format }) => {
      if (isBar) {
        const done = Math.round((share ?? 0) * room);
        return style("cyan", "━".repeat(done)) + style("dim", "─".repeat(room - done));
      }
      return format === undefined ? text : style(format, text);
    })
    .join("  ");
}
