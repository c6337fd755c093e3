import { theme } from "../data/theme.ts";

/** The custom properties of the stylesheet that canvases draw with, by their names there. */
const names = [
  "ink",
  "muted",
  "faint",
  "rule",
  "surface",
  "train",
  "test",
  "common",
  "rare",
  "partner",
  "held-out",
  "right",
  "wrong",
  "first",
  "second",
  "memorization",
  "generalization",
  "cleanup",
  "cursor",
] as const;

export type Colours = Readonly<Record<(typeof names)[number], string>>;

let cached: Colours | undefined;
theme.subscribe(() => {
  cached = undefined;
});

/** Of the present theme. */
export function colours(): Colours {
  if (cached === undefined) {
    const style = getComputedStyle(document.documentElement);
    cached = Object.fromEntries(
      names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]),
    ) as Colours;
  }
  return cached;
}
