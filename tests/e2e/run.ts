import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Grokbox } from "../../sdk/src/mod.ts";
import { type Look, TestBrowser } from "./browser.ts";
import { checks, goTo, openSession, showAll } from "./checks.ts";
import { controlChecks } from "./control-checks.ts";
import { keyboardChecks } from "./keyboard-checks.ts";
import { listChecks } from "./list-checks.ts";
import { Served } from "./served.ts";
import {
  bundleKilobytes,
  drawingsPerSecond,
  firstPaintMs,
  framesPerSecond,
  trainingSlowdown,
} from "./speed.ts";
import { sweepChecks } from "./sweep-checks.ts";
import { viewChecks } from "./view-checks.ts";

export interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly framesPerSecond: number;
  /** Of those, the ones in which something was drawn. */
  readonly drawingsPerSecond: number;
  /** Share of its speed that a run loses to a page that watches it. */
  readonly trainingSlowdown: number;
  readonly firstPaintMs: number;
  readonly bundleKilobytes: number;
  readonly clicks: number;
  readonly failures: readonly { readonly name: string; readonly reason: string }[];
  readonly screenshots: readonly string[];
}

export interface Options {
  /** Where screenshots go. */
  readonly folder: string;
  /** Rounds in which speed is measured; 0 is the short form: one short look at the speed, and less of what is looked at several times. */
  readonly rounds: number;
  readonly log: (line: string) => void;
}

const looks = (["desktop", "phone"] as const).flatMap((device) =>
  (["light", "dark"] as const).map((colorScheme) => ({ device, colorScheme })),
);

/** Opens the pages of a real server in a real browser, and does what a person would. */
export async function runEndToEnd({ folder, rounds, log }: Options): Promise<Report> {
  const data = mkdtempSync(join(tmpdir(), "grokbox-e2e-"));
  const failures: { name: string; reason: string }[] = [];
  let passed = 0;
  const attempt = async (name: string, run: () => Promise<void>) => {
    try {
      await run();
      passed += 1;
      log(`ok    ${name}`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      failures.push({ name, reason });
      log(`FAILED ${name}\n      ${reason}`);
    }
  };
  await using served = await Served.start(data);
  try {
    await using browser = await TestBrowser.launch();
    await using box = await Grokbox.connect(served.address);
    const { page, list, session, clicks, seed } = await openSession(served, box, browser);
    const isShort = rounds === 0;
    const scene = { served, box, browser, page, list, session, isShort };
    await attempt("from an empty server to a live grokking curve in at most 3 clicks", async () => {
      if (clicks > 3) throw new Error(`it took ${clicks} clicks`);
    });
    await attempt("a seed that is being typed is kept when the first session appears", async () => {
      if (seed !== "7") throw new Error(`of 7 there is ${seed}`);
    });
    const all = [checks, viewChecks, controlChecks, keyboardChecks, listChecks, sweepChecks].flat();
    for (const { name, run } of all) await attempt(name, () => run(scene));
    await list.context().close();

    const long = await box.start({ preset: "grokking", seed: 1 });
    await long.run({ untilStep: 10_000_000 }).started;
    await page.goto(`http://${served.webAddress}/#/sessions/${long.name.slice("sessions/".length)}`);
    // Nobody looks at the figures or at the pictures of the short form: it need not wait until the page has settled.
    const settleMs = isShort ? 100 : 1_500;
    await sleep(settleMs);
    const seconds = isShort ? 0.3 : 4;
    const frames = await framesPerSecond(page, seconds);
    const drawings = await drawingsPerSecond(page, seconds);
    await page.context().close();
    const paint = await firstPaintMs(browser, `http://${served.webAddress}/`, isShort ? 1 : 3);
    const slowdown = await trainingSlowdown(browser, served, long, Math.max(1, rounds), seconds, settleMs);
    await long.pause();

    // What the checks above have seen is the first.
    const seen = isShort ? looks.slice(-1) : looks;
    const [sweep] = await Array.fromAsync(box.sweeps());
    const screenshots = await takeScreenshots(
      folder,
      browser,
      served,
      session.name,
      sweep!.name,
      seen,
      settleMs,
    );
    await attempt("no page complains", async () => {
      if (browser.complaints.length > 0) throw new Error(browser.complaints.join("\n"));
    });
    return {
      passed,
      failed: failures.length,
      skipped: 0,
      framesPerSecond: frames,
      drawingsPerSecond: drawings,
      trainingSlowdown: slowdown,
      firstPaintMs: paint,
      bundleKilobytes: bundleKilobytes(),
      clicks,
      failures,
      screenshots,
    };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

async function takeScreenshots(
  folder: string,
  browser: TestBrowser,
  served: Served,
  session: string,
  sweep: string,
  seen: readonly Look[],
  settleMs: number,
): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const paths: string[] = [];
  for (const look of seen) {
    const page = await browser.open(look);
    const shoot = async (name: string) => {
      const path = join(folder, `${name}-${look.device}-${look.colorScheme}.png`);
      await page.screenshot({ path, fullPage: true });
      paths.push(relative(process.cwd(), path));
    };
    await page.goto(`http://${served.webAddress}/`);
    await page.getByRole("link", { name: session.slice("sessions/".length) }).waitFor();
    await sleep(settleMs);
    await shoot("sessions");
    await page.goto(`http://${served.webAddress}/#/sessions/${session.slice("sessions/".length)}`);
    await page.getByRole("img", { name: /^Loss/ }).waitFor();
    await showAll(page);
    await sleep(settleMs);
    await shoot("session");
    await goTo(page, 1_000);
    await showAll(page);
    await sleep(settleMs);
    await shoot("session-at-1000");
    await page.goto(`http://${served.webAddress}/#/${sweep}`);
    await page.getByRole("table", { name: "Runs" }).waitFor();
    await showAll(page);
    await sleep(settleMs);
    await shoot("sweep");
    await page.context().close();
  }
  return paths;
}
