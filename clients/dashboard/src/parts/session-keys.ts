import type { SessionView } from "../data/session-view.ts";
import type { SessionHead } from "./session-head.ts";

/** Where a key means something already. */
const busy = "input:not([type=range]), textarea, select, [contenteditable]";
const pressable = "button, a, summary";

/** The keys of a session's page; `parts/key-list.ts` tells people of them. */
export function onSessionKey(event: KeyboardEvent, view: SessionView, page: HTMLElement): void {
  const { target, key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (target instanceof HTMLElement && target.matches(busy)) return;
  // What has the focus while it is open may as well be the page behind it.
  if (document.querySelector("dialog[open]") !== null) return;
  if (key === " " && target instanceof HTMLElement && target.matches(pressable)) return;
  const action = actions[key.toLowerCase()];
  if (action === undefined) return;
  event.preventDefault();
  if (!event.repeat || repeatable.has(key)) action(view, page);
}

/** What may go on as long as the key is held; the others turn something on and off. */
const repeatable: ReadonlySet<string> = new Set(["+", "=", "-"]);

const actions: Readonly<Record<string, (view: SessionView, page: HTMLElement) => void>> = {
  " ": (_, page) => page.querySelector<SessionHead>("grokbox-session-head")?.toggle(),
  l: (view) => view.show({ step: undefined }),
  c: (view) => view.info?.stages && view.show({ classes: view.link.classes ? undefined : true }),
  x: (view) => view.show({ linear: view.link.linear ? undefined : true }),
  a: (_, page) => page.querySelector<HTMLButtonElement>("grokbox-activations button[aria-expanded]")?.click(),
  "+": zoomIn,
  "=": zoomIn,
  "-": (view) => zoom(view, 2),
  "0": (view) => view.show({ zoom: undefined }),
};

/** To half of what is shown, around the step that is looked at. */
export function zoomIn(view: SessionView): void {
  zoom(view, 0.5);
}

function zoom(view: SessionView, factor: number): void {
  const { firstStep, lastStep } = view;
  const { first, last } = view.zoom ?? { first: firstStep, last: lastStep };
  const step = Math.min(Math.max(view.pinnedStep ?? lastStep, first), last);
  const next = {
    first: Math.max(firstStep, Math.round(step - (step - first) * factor)),
    last: Math.min(lastStep, Math.round(step + (last - step) * factor)),
  };
  const isAll = next.first <= firstStep && next.last >= lastStep;
  if (isAll) view.show({ zoom: undefined });
  else if (next.last - next.first >= 10) view.show({ zoom: next });
}
