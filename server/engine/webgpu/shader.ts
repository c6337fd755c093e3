import { readFileSync } from "node:fs";
import { join } from "node:path";

/** WGSL constants, all of them u32. */
export type Constants = Readonly<Record<string, number>>;

type Variables = Readonly<Record<string, number>>;

/** Bytes of a vec4f. */
export const quadBytes = 16;

/** A piece of what is written out: from a first one on, so many. */
export interface Round {
  readonly first: number;
  readonly count: number;
}

/** The largest part of `whole` within `most` when it is cut into as few equal parts as that takes. */
export function evenly(whole: number, most: number): number {
  return Math.ceil(whole / Math.ceil(whole / Math.max(1, most)));
}

/**
 * WGSL of a kernel: the constants, then the files of `kernels/` in their order, with what WGSL lacks written out. A line `#repeat i N`,
 * N a number or a constant, up to its `#end` is repeated for i = 0..N-1, so that `#repeat once N`, N 0 or 1, is an if; `#rounds` for each
 * of `rounds`, with `first` and `count`. Within them `$(i)` and `$(i*N+first)` stand for the value. A GPU keeps an array in registers only
 * when no index is a variable. A line `#include FILE` stands for the lines of that file, a part of several functions that no function can be:
 * it declares what lies in registers, or adds to it.
 */
export function assemble(
  files: readonly string[],
  constants: Constants,
  rounds: readonly Round[] = [],
): string {
  const header = Object.entries(constants).map(([name, value]) => `const ${name} = ${value}u;`);
  return [...header, ...expand(files.flatMap(linesOf), constants, rounds, {})].join("\n");
}

function linesOf(file: string): string[] {
  const text = readFileSync(join(import.meta.dirname, "kernels", file), "utf8");
  return text.split("\n").flatMap((line) => {
    const included = /^\s*#include (\S+)$/.exec(line);
    return included === null ? [line] : linesOf(included[1]);
  });
}

function expand(
  lines: readonly string[],
  constants: Constants,
  rounds: readonly Round[],
  variables: Variables,
): string[] {
  const result: string[] = [];
  for (let i = 0; i < lines.length; i++) {
    const directive = /^\s*#(repeat|rounds)\s*(.*)$/.exec(lines[i]);
    if (directive === null) {
      result.push(substitute(lines[i], { ...constants, ...variables }));
      continue;
    }
    const end = endOf(lines, i);
    const body = lines.slice(i + 1, end);
    for (const bound of bindings(directive[1], directive[2], { ...constants, ...variables }, rounds)) {
      result.push(...expand(body, constants, rounds, { ...variables, ...bound }));
    }
    i = end;
  }
  return result;
}

/** The line of the `#end` of the directive in line `start`. */
function endOf(lines: readonly string[], start: number): number {
  let depth = 0;
  for (let i = start; i < lines.length; i++) {
    if (/^\s*#(repeat|rounds)\b/.test(lines[i])) depth++;
    else if (/^\s*#end\b/.test(lines[i]) && --depth === 0) return i;
  }
  throw new Error(`no #end for ${lines[start]}`);
}

function bindings(
  directive: string,
  rest: string,
  names: Variables,
  rounds: readonly Round[],
): readonly Variables[] {
  if (directive === "rounds") return rounds.map(({ first, count }) => ({ first, count }));
  const [variable, bound] = substitute(rest, names).trim().split(/\s+/);
  return Array.from({ length: value(bound, names) }, (_, i) => ({ [variable]: i }));
}

function substitute(line: string, names: Variables): string {
  return line.replaceAll(/\$\(([^)]*)\)/g, (_, expression: string) => String(value(expression, names)));
}

/**
 * A sum of products and quotients, rounded down, of numbers and names, from left to right, without spaces; the first factor of a single
 * product may be such a sum in parentheses.
 */
function value(expression: string, names: Variables): number {
  const grouped = /^\((.*)\)(.*)$/.exec(expression);
  if (grouped !== null) return productOf(`${value(grouped[1], names)}${grouped[2]}`, names);
  return expression.split("+").reduce((sum, product) => sum + productOf(product, names), 0);
}

function productOf(product: string, names: Variables): number {
  const [first, ...rest] = product.split(/([*/])/);
  let result = termOf(first, names);
  for (let i = 0; i < rest.length; i += 2) {
    const factor = termOf(rest[i + 1], names);
    result = rest[i] === "*" ? result * factor : Math.floor(result / factor);
  }
  return result;
}

function termOf(term: string, names: Variables): number {
  const number = /^-?\d+$/.test(term) ? Number(term) : names[term];
  if (number === undefined) throw new Error(`${term} is neither a number nor a constant`);
  return number;
}
