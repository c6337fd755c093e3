/** Characters of a name from outside that a message shows. */
const shownCharacters = 80;

/** A name from outside as a message may carry it: one line of printable ASCII in quotes, of bounded length. */
export function quoted(text: string): string {
  const cut = text.length > shownCharacters ? `${text.slice(0, shownCharacters - 3)}...` : text;
  return `"${cut.replace(/[^\x20-\x7e]|"/g, "?")}"`;
}
