import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";
import { browserOptions } from "../testing/chromium.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface Look {
  readonly device: "desktop" | "phone";
  readonly colorScheme: "light" | "dark";
}

const sizes = { desktop: { width: 1_280, height: 900 }, phone: { width: 390, height: 844 } } as const;

export interface Violation {
  readonly rule: string;
  readonly impact: string;
  readonly nodes: readonly string[];
}

/** Debian's Chromium without a screen, and everything that its pages complain of. */
export class TestBrowser implements AsyncDisposable {
  readonly #browser: Browser;
  /** Console messages that warn or worse, errors that nobody caught, and requests to another host than the server. */
  readonly complaints: string[] = [];
  /** While the server is down or refuses on purpose, that a request fails is no complaint. */
  isFailureExpected = false;

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async launch(): Promise<TestBrowser> {
    const { executablePath, args } = browserOptions;
    const quiet = [
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ];
    return new TestBrowser(await chromium.launch({ executablePath, args: [...args, ...quiet] }));
  }

  /** A page with nothing remembered. */
  async open({ device, colorScheme }: Look): Promise<Page> {
    const context: BrowserContext = await this.#browser.newContext({
      viewport: sizes[device],
      colorScheme,
      deviceScaleFactor: device === "phone" ? 2 : 1,
      hasTouch: device === "phone",
    });
    const page = await context.newPage();
    page.on("console", (message) => {
      if (!["error", "warning"].includes(message.type())) return;
      if (this.isFailureExpected && /ERR_CONNECTION|WebSocket connection|Failed to load/.test(message.text()))
        return;
      this.complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => this.complaints.push(`uncaught: ${error.stack ?? error.message}`));
    page.on("dialog", (dialog) => {
      this.complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("request", (request) => {
      const { hostname, protocol } = new URL(request.url());
      if (/^https?:$/.test(protocol) && hostname !== "127.0.0.1")
        this.complaints.push(`a request to ${request.url()}`);
    });
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.close();
  }
}

/** What axe finds that is serious or critical. */
export async function seriousViolations(page: Page): Promise<Violation[]> {
  await page.evaluate(axeSource);
  // The function runs in the page, where axe is.
  const found: { violations: { id: string; impact: string; nodes: { html: string }[] }[] } =
    await page.evaluate("axe.run(document, { resultTypes: ['violations'] })");
  return found.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, impact, nodes }) => ({
      rule: id,
      impact,
      nodes: nodes.map(({ html }) => html.slice(0, 200)),
    }));
}

/** A readout's number, as precise as the page has it. */
export async function readout(page: Page, measure: string): Promise<number | undefined> {
  const text = await page.locator(`[data-measure="${measure}"]`).first().getAttribute("data-value");
  return text === null || text === "" ? undefined : Number(text);
}
