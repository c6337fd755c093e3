/** What a drawn figure is made of, without its numbers: they differ in their last digits from machine to machine. */
export interface FigureStructure {
  readonly titles: readonly string[];
  readonly axisTitles: readonly string[];
  /** First and last label of each axis. */
  readonly axes: readonly string[];
  readonly legends: readonly string[];
  /** How many marks of which kind, one entry a layer. */
  readonly marks: readonly string[];
}

/** Of an SVG that Vega wrote. */
export function figureStructure(svg: string): FigureStructure {
  const groups = [
    ...svg.matchAll(/<g class="mark-(\w+) role-([\w-]+)[^"]*"[^>]*>((?:(?!<g)[\s\S])*?)<\/g>/g),
  ].map(([, mark = "", role = "", content = ""]) => ({ mark, role, content }));
  const textsOf = (content: string) =>
    [...content.matchAll(/<text[^>]*>([\s\S]*?)<\/text>/g)].map(([, text = ""]) =>
      text.replaceAll(/<[^>]+>/g, " ").trim(),
    );
  const texts = (role: string) =>
    groups.filter((group) => group.role === role).map(({ content }) => textsOf(content));
  const unnumbered = (text: string) => text.replaceAll(/[−-]?\d[\d,.]*(e[−+-]?\d+)?/g, "#");
  return {
    titles: texts("title-text").flat().map(unnumbered),
    axisTitles: texts("axis-title").flat(),
    axes: texts("axis-label").map((labels) => `${labels[0]} … ${labels.at(-1)}`),
    legends: [...texts("legend-title").flat(), ...texts("legend-label").flat().map(unnumbered)],
    marks: groups
      .filter(({ role }) => role === "mark")
      .map(({ mark, content }) => `${[...content.matchAll(/<(path|text|line|rect)\b/g)].length} ${mark}`),
  };
}

/** As it is stored beside the test, a line a fact. */
export function structureText(structure: FigureStructure): string {
  return Object.entries(structure)
    .flatMap(([what, facts]) => (facts as readonly string[]).map((fact) => `${what}: ${fact}\n`))
    .join("");
}
