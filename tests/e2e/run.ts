import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Grokbox } from "../../sdk/src/mod.ts";
import { TestBrowser } from "./browser.ts";
import { checks, goTo, openSession, type Scene, showAll } from "./checks.ts";
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
  /** Undefined in the short form. */
  readonly speed: Speed | undefined;
  readonly bundleKilobytes: number;
  readonly clicks: number;
  readonly failures: readonly { readonly name: string; readonly reason: string }[];
  readonly screenshots: readonly string[];
}

interface Speed {
  readonly framesPerSecond: number;
  /** Of those, the ones in which something was drawn. */
  readonly drawingsPerSecond: number;
  /** Share of its speed that a run loses to a page that watches it. */
  readonly trainingSlowdown: number;
  readonly firstPaintMs: number;
}

export interface Options {
  /** Where screenshots go. */
  readonly folder: string;
  /** Rounds in which speed is measured; 0 is the short form: without the speed and the pictures, and less of what is looked at several times. */
  readonly rounds: number;
  readonly log: (line: string) => void;
}

/** Until a page has settled. */
const settleMs = 1_500;

/** Of a measurement. */
const seconds = 4;

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
    const speed = isShort ? undefined : await measureSpeed(scene, rounds);
    const [sweep] = await Array.fromAsync(box.sweeps());
    const screenshots = isShort
      ? []
      : await takeScreenshots(folder, browser, served, session.name, sweep!.name);
    await attempt("no page complains", async () => {
      if (browser.complaints.length > 0) throw new Error(browser.complaints.join("\n"));
    });
    return {
      passed,
      failed: failures.length,
      skipped: 0,
      speed,
      bundleKilobytes: bundleKilobytes(),
      clicks,
      failures,
      screenshots,
    };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}

/** What the page of a session that trains costs. */
async function measureSpeed({ served, box, browser, page }: Scene, rounds: number): Promise<Speed> {
  const session = await box.start({ preset: "grokking", seed: 1 });
  await session.run({ untilStep: 10_000_000 }).started;
  await page.goto(`http://${served.webAddress}/#/sessions/${session.name.slice("sessions/".length)}`);
  await sleep(settleMs);
  const frames = await framesPerSecond(page, seconds);
  const drawings = await drawingsPerSecond(page, seconds);
  await page.context().close();
  const paint = await firstPaintMs(browser, `http://${served.webAddress}/`, 3);
  const slowdown = await trainingSlowdown(browser, served, session, rounds, seconds, settleMs);
  await session.pause();
  return {
    framesPerSecond: frames,
    drawingsPerSecond: drawings,
    trainingSlowdown: slowdown,
    firstPaintMs: paint,
  };
}

async function takeScreenshots(
  folder: string,
  browser: TestBrowser,
  served: Served,
  session: string,
  sweep: string,
): Promise<string[]> {
  mkdirSync(folder, { recursive: true });
  const paths: string[] = [];
  for (const look of looks) {
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
