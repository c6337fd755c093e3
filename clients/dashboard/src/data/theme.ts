import { Changes } from "./changes.ts";

const themes = ["auto", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

const key = "grokbox.theme";

/** Light or dark, as the system says or as a person chose; public/theme.js applies it before the first paint. */
class ThemeChoice extends Changes {
  constructor() {
    super();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.tell());
  }

  get chosen(): Theme {
    const { theme } = document.documentElement.dataset;
    return theme === "light" || theme === "dark" ? theme : "auto";
  }

  next(): void {
    const chosen = themes[(themes.indexOf(this.chosen) + 1) % themes.length]!;
    if (chosen === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    try {
      localStorage.setItem(key, chosen);
    } catch {
      // Storage is switched off: the choice lasts as long as the page.
    }
    this.tell();
  }
}

export const theme = new ThemeChoice();

/** What is in effect now. */
export function isDark(): boolean {
  const { chosen } = theme;
  return chosen === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
}
