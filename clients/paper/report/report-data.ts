import type { Result, Tally } from "../results.ts";
import type { RunName } from "../runs.ts";

/** A figure as the report shows it. */
export interface Picture {
  readonly id: string;
  readonly title: string;
  /** What to see in it. */
  readonly caption: string;
  readonly svg: string;
}

/** All that a report is made of. */
export interface ReportData {
  readonly modulus: number;
  readonly seed: number;
  /** The published p and seed: the published numbers apply. */
  readonly published: boolean;
  readonly runs: readonly {
    readonly name: RunName;
    readonly steps: number;
    readonly width: number;
    /** From the start of all runs to the end of this one. */
    readonly seconds: number;
    readonly trainLoss: number;
  }[];
  readonly skipped: readonly { readonly run: RunName; readonly reason: string }[];
  /** Figures that are not there, and why. */
  readonly missing: readonly { readonly id: string; readonly title: string; readonly reason: string }[];
  readonly pictures: readonly Picture[];
  readonly results: readonly Result[];
  readonly tally: Tally;
  readonly made: {
    readonly command: string;
    readonly version: string;
    readonly runtime: string;
    readonly engine: string;
    readonly trainingSeconds: number;
    readonly date: Date;
  };
}
