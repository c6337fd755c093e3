import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const whole = "/usr/bin/chromium";
const shell = "/usr/bin/chromium-headless-shell";

/** Debian's: the shell, which is quicker, where it is installed, else the whole one without a screen. */
export const browserOptions = existsSync(shell)
  ? { executablePath: shell, args: ["--no-sandbox"] }
  : { executablePath: whole, args: ["--no-sandbox", "--headless=new"] };

export const hasChromium = existsSync(browserOptions.executablePath);

/** What a page made of itself, and what it wanted besides. */
export interface Opened<T> {
  readonly result: T;
  /** Console messages and errors. */
  readonly messages: readonly string[];
  /** Addresses asked for besides the page itself. */
  readonly requests: readonly string[];
}

export interface Look {
  readonly width?: number;
  readonly colorScheme?: "light" | "dark";
}

/** Opens a file in headless Chromium, and evaluates a function there. */
export async function openPage<T>(
  path: string,
  evaluate: () => T,
  { width = 1_280, colorScheme = "light" }: Look = {},
): Promise<Opened<T>> {
  const browser = await chromium.launch(browserOptions);
  try {
    const page = await browser.newPage({ viewport: { width, height: 1_000 }, colorScheme });
    const address = `file://${path}`;
    const messages: string[] = [];
    const requests: string[] = [];
    page.on("console", (message) => messages.push(message.text()));
    page.on("pageerror", (error) => messages.push(String(error)));
    page.on("request", (request) => {
      if (request.url() !== address) requests.push(request.url());
    });
    await page.goto(address, { waitUntil: "load" });
    return { result: await page.evaluate(evaluate), messages, requests };
  } finally {
    await browser.close();
  }
}
