/** Colours that people tell apart however they see them: Okabe and Ito, 2008. */
export const colours = {
  blue: "#0072B2",
  vermilion: "#D55E00",
  green: "#009E73",
  purple: "#CC79A7",
  orange: "#E69F00",
  sky: "#56B4E9",
  black: "#000000",
  grey: "#8C8C8C",
} as const;

/** For signed numbers, 0 in the middle, negative ones blue and positive ones orange: told apart by lightness as well. */
export const diverging = { scheme: "blueorange" } as const;

/** For magnitudes: lightness rises with them. */
export const sequential = { scheme: "viridis" } as const;

/** Backgrounds of the three stages of grokking; their names stand in them as well. */
export const stageColours = {
  memorization: "#FCEFDC",
  generalization: "#E3F0F8",
  cleanup: "#E6F4EC",
} as const;
