import { type Html, html } from "./html.ts";

const box = (x: number, y: number, width: number, label: string, sub: string): Html =>
  html`<rect x="${x}" y="${y}" width="${width}" height="46" rx="6" fill="none" stroke="currentColor"/><text x="${x + width / 2}" y="${y + 20}" text-anchor="middle" font-size="15">${label}</text><text x="${x + width / 2}" y="${y + 37}" text-anchor="middle" font-size="11" opacity="0.75">${sub}</text>`;

const arrow = (x1: number, y1: number, x2: number, y2: number): Html =>
  html`<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" stroke="currentColor" marker-end="url(#schematic-tip)"/>`;

/** Figure 1: from the two inputs to the logits. */
export function schematic(modulus: number, width: number): Html {
  return html`<svg viewBox="0 0 660 150" width="660" height="150" font-family="system-ui, sans-serif" fill="currentColor" aria-hidden="true">
<defs><marker id="schematic-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>
${box(4, 14, 110, "x", `0 to ${modulus - 1}`)}${box(4, 90, 110, "y", `0 to ${modulus - 1}`)}
${arrow(114, 37, 186, 66)}${arrow(114, 113, 186, 84)}
${box(188, 52, 140, "θ[x] + θ[y]", `${width} neurons`)}${arrow(328, 75, 366, 75)}
${box(368, 52, 110, "σ( · )", "relu or square")}${arrow(478, 75, 516, 75)}
${box(518, 52, 138, "ξᵀ σ = logits", `${modulus} sums`)}
</svg>`;
}
