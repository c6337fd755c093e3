/** Text of a comment in a table cell or a paragraph: what would be markup stays what was written, but for `code`. */
export function escapeMarkup(text: string): string {
  return text
    .split(/(`[^`]*`)/)
    .map((part, i) => (i % 2 === 1 ? part : part.replace(/[*[\]\\]/g, "\\$&").replaceAll("<", "&lt;")))
    .join("")
    .replaceAll("|", "\\|");
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`);
  return lines.join("\n");
}

/** A link to the heading of that text on the same page. */
export function linkTo(heading: string): string {
  return `[${heading}](#${anchorOf(heading)})`;
}

/** As GitHub makes the anchor of a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}
