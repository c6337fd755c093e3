/** Light and dark, and narrow enough for a phone. Drawings stay on a white card: their colours are chosen for it. */
export const style = `
:root {
  color-scheme: light dark;
  --paper: #fdfcf9; --ink: #1d2127; --soft: #59616c; --line: #d9d6cd; --card: #ffffff; --accent: #0b5cad;
  --good: #1b6e3c; --bad: #b3261e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15181d; --ink: #e4e6ea; --soft: #a3abb6; --line: #363c46; --card: #1c2027; --accent: #7db7f5;
    --good: #72cf97; --bad: #ff8f86;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 Charter, "Iowan Old Style", Georgia, serif; }
header, main { max-width: 50rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 2.5rem; }
h1, h2, h3, nav, table, figcaption, dl, .facts { font-family: system-ui, "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
h1 { font-size: clamp(1.6rem, 5vw, 2.3rem); line-height: 1.2; margin: 0 0 0.5rem; text-wrap: balance; }
h2 { font-size: 1.4rem; line-height: 1.3; margin: 3rem 0 0.75rem; padding-top: 1.25rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 0.5rem; }
p, ul { margin: 0.75rem 0; }
a { color: var(--accent); }
.lead { color: var(--soft); font-size: 1.125rem; }
nav ol { columns: 2; column-gap: 2rem; padding-left: 1.25rem; font-size: 0.95rem; }
dl.made { display: grid; grid-template-columns: max-content 1fr; gap: 0.25rem 1rem; font-size: 0.95rem; }
dl.made dt { color: var(--soft); }
dl.made dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 1.75rem 0; }
.plot { background: #ffffff; border: 1px solid var(--line); border-radius: 6px; padding: 0.75rem; overflow-x: auto; }
.plot svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }
.schematic { background: var(--card); color: var(--ink); }
figure.wide .plot { width: max-content; max-width: min(76rem, 100vw - 4rem); position: relative; left: 50%; transform: translateX(-50%); }
figcaption { font-size: 0.92rem; line-height: 1.5; margin-top: 0.6rem; color: var(--soft); }
figcaption b { color: var(--ink); }
.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-size: 0.88rem; line-height: 1.4; width: 100%; }
caption { text-align: left; font-weight: 600; padding: 0.25rem 0; }
th, td { text-align: left; padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
tbody th { font-weight: 400; color: var(--ink); }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td small { color: var(--soft); }
.within { color: var(--good); white-space: nowrap; }
.outside { color: var(--bad); font-weight: 700; white-space: nowrap; }
.notice { border-left: 4px solid var(--accent); padding: 0.25rem 0 0.25rem 0.9rem; }
code { font-size: 0.9em; overflow-wrap: anywhere; }
th code { overflow-wrap: normal; white-space: nowrap; }
main { padding-bottom: 3rem; }
@media (max-width: 36rem) {
  nav ol { columns: 1; }
  .plot { padding: 0.4rem; }
  .plot svg { min-width: 30rem; max-width: none; width: 30rem; }
  figure.wide .plot { width: auto; left: 0; transform: none; }
  figure.wide .plot svg { width: 46rem; }
  .plot.schematic svg { min-width: 0; width: 100%; }
}
@media print { .plot, figure, tr { break-inside: avoid; } }
`;
