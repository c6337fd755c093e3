/** The figures of a report as the browser has them. */
export function drawings(): {
  readonly id: string;
  readonly svg: string;
  /** As laid out, pixels. */
  readonly width: number;
  readonly height: number;
  readonly viewBox: string;
}[];

/** Whether a page holds together. */
export function soundness(): {
  /** What its content takes, pixels. */
  readonly width: number;
  readonly background: string;
  readonly idsGivenTwice: readonly string[];
  readonly brokenLinks: readonly string[];
  readonly plotsWithoutLabel: number;
  /** Lines of the table of all numbers. */
  readonly resultRows: number;
};
