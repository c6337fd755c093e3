import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright-core";
import { median } from "../../bench/statistics.ts";
import type { Session } from "../../sdk/src/mod.ts";
import type { TestBrowser } from "./browser.ts";
import type { Served } from "./served.ts";

const dist = join(import.meta.dirname, "../../clients/dashboard/dist");

/** Everything that the page may load, each file compressed by gzip. */
export function bundleKilobytes(): number {
  const files = readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/\.(gz|br)$/.test(entry.name) && !entry.name.startsWith("."))
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name)));
  const bytes = files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
  return Number((bytes / 1024).toFixed(1));
}

/** Frames that the page's main thread was given, a second, while it follows a run. */
export async function framesPerSecond(page: Page, seconds: number): Promise<number> {
  const frames = (await page.evaluate(`new Promise((resolve) => {
    const began = performance.now();
    let frames = 0;
    const count = (now) => {
      frames += 1;
      if (now - began < ${seconds * 1000}) requestAnimationFrame(count);
      else resolve(frames * 1000 / (now - began));
    };
    requestAnimationFrame(count);
  })`)) as number;
  return Number(frames.toFixed(1));
}

/** Frames in which the page drew something, a second. */
export async function drawingsPerSecond(page: Page, seconds: number): Promise<number> {
  const drawn = async () => Number(await page.evaluate("document.documentElement.dataset.frames"));
  const before = await drawn();
  await sleep(seconds * 1000);
  return Number((((await drawn()) - before) / seconds).toFixed(1));
}

/** First contentful paint of a page with an empty cache, milliseconds: the slowest of a few, while the server trains. */
export async function firstPaintMs(browser: TestBrowser, address: string, times: number): Promise<number> {
  const paints: number[] = [];
  for (let i = 0; i < times; i++) {
    const page = await browser.open({ device: "desktop", colorScheme: "light" });
    await page.goto(address);
    const paint = (await page.evaluate(`new Promise((resolve) => {
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (entry.name === "first-contentful-paint") resolve(entry.startTime);
      }).observe({ type: "paint", buffered: true });
    })`)) as number;
    paints.push(paint);
    await page.context().close();
  }
  return Math.round(Math.max(...paints));
}

/**
 * The share of its speed that a run loses to a page that watches it, on the same cores: median over rounds, each with the page and with
 * an empty one in its place.
 */
export async function trainingSlowdown(
  browser: TestBrowser,
  served: Served,
  session: Session,
  rounds: number,
  secondsEach: number,
  settleMs: number,
): Promise<number> {
  const speed = async (address: string) => {
    const page = await browser.open({ device: "desktop", colorScheme: "light" });
    await page.goto(address);
    await sleep(settleMs);
    const stepsPerSecond = await speedOf(session, secondsEach);
    await page.context().close();
    return stepsPerSecond;
  };
  const watched = `http://${served.webAddress}/#/sessions/${session.name.slice("sessions/".length)}`;
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const [first, second] = round % 2 === 0 ? ["about:blank", watched] : [watched, "about:blank"];
    const speeds = new Map([
      [first, await speed(first)],
      [second, await speed(second)],
    ]);
    ratios.push(speeds.get(watched)! / speeds.get("about:blank")!);
  }
  return Number((1 - median(ratios)).toFixed(3));
}

async function speedOf(session: Session, seconds: number): Promise<number> {
  const began = performance.now();
  const { step: first } = await session.refresh();
  await sleep(seconds * 1000);
  const { step: last } = await session.refresh();
  return ((last - first) * 1000) / (performance.now() - began);
}
