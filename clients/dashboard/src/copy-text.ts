/**
 * Puts a text on the clipboard. A page that came over plain HTTP from another machine is not given the clipboard of today, and does as
 * people do: it selects the text and copies it.
 *
 * @throws why it can't be done in any way
 */
export async function copyText(text: string): Promise<void> {
  try {
    if (navigator.clipboard !== undefined) return await navigator.clipboard.writeText(text);
  } catch {
    // The browser may be set to refuse it, and still take the other way.
  }
  if (!copySelected(text)) throw new Error("the browser does not allow it; the address bar has the link");
}

function copySelected(text: string): boolean {
  const before = document.activeElement;
  const field = document.createElement("textarea");
  field.className = "unseen";
  field.value = text;
  document.body.append(field);
  field.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    field.remove();
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
  }
}
