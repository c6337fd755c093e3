import type { Config } from "vega-lite";

/** One look for all figures. */
export const config: Config = {
  background: "white",
  font: "DejaVu Sans",
  padding: 12,
  // The figure says what it is as a whole; a screen reader is not led through a thousand cells.
  aria: false,
  title: { anchor: "start", fontSize: 14, subtitleFontSize: 11, subtitleColor: "#444", offset: 12 },
  axis: {
    labelFontSize: 10,
    titleFontSize: 11,
    titleFontWeight: "normal",
    gridColor: "#E8E8E8",
    domainColor: "#888",
    tickColor: "#888",
    labelOverlap: true,
  },
  // The last label is moved inside its axis, towards the one before.
  axisX: { labelSeparation: 4 },
  legend: {
    labelFontSize: 10,
    titleFontSize: 11,
    titleFontWeight: "normal",
    labelLimit: 300,
    titleLimit: 300,
  },
  header: { labelFontSize: 11, titleFontSize: 11, titleFontWeight: "normal" },
  view: { stroke: "#BBB" },
  concat: { spacing: 24 },
  facet: { spacing: 16 },
};
