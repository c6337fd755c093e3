/**
 * A drawing that can stand beside others in one page: its ids, and what refers to them, begin with `prefix`.
 *
 * @param svg - as `@grokbox/figures` writes it
 */
export function withOwnIds(svg: string, prefix: string): string {
  return svg
    .replace(/<\?xml[^>]*>|<!DOCTYPE[^>]*>/g, "")
    .replace(/\bid="([^"]+)"/g, `id="${prefix}-$1"`)
    .replace(/url\(#([^)]+)\)/g, `url(#${prefix}-$1)`)
    .replace(/\b((?:xlink:)?href)="#([^"]+)"/g, `$1="#${prefix}-$2"`)
    .trim();
}
