import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import type { Grokbox, ProgressPoint, Session } from "../../sdk/src/mod.ts";
import { readout, seriousViolations, type TestBrowser } from "./browser.ts";
import type { Served } from "./served.ts";

/** REFERENCE's grokking run at step 1,000: 396 training and 133 test pairs, 302 common and 39 held out. */
const atStep1000 = { trainAccuracy: 0.732, testAccuracy: 0, common: 0.96, rare: 0, partner: 0, heldOut: 0 };
const accuracyTolerance = 0.02;

/** What the checks of one run share. */
export interface Scene {
  readonly served: Served;
  readonly box: Grokbox;
  readonly browser: TestBrowser;
  /** On the session's page, live. */
  readonly page: Page;
  /** Another one, which is wherever the last check that needed it has left it. */
  readonly list: Page;
  readonly session: Session;
  /** Whether to look once where more would be thorough. */
  readonly isShort: boolean;
}

export interface Check {
  readonly name: string;
  /** Throws what is not as it should be. */
  run(scene: Scene): Promise<void>;
}

/** From nothing to a curve that grows. The clicks are what a person makes; the seed, what another one was typing meanwhile. */
export async function openSession(
  served: Served,
  box: Grokbox,
  browser: TestBrowser,
): Promise<{ page: Page; list: Page; session: Session; clicks: number; seed: unknown }> {
  const list = await browser.open({ device: "desktop", colorScheme: "light" });
  await list.goto(`http://${served.webAddress}/`);
  await list.getByRole("spinbutton", { name: "Seed" }).fill("7");
  const page = await browser.open({ device: "desktop", colorScheme: "light" });
  await page.goto(`http://${served.webAddress}/`);
  let clicks = 0;
  const start = page.getByRole("button", { name: "Start grokking" });
  await start.click();
  clicks += 1;
  await page.getByRole("img", { name: /^Loss/ }).waitFor({ timeout: 15_000 });
  const first = await stepOf(page);
  await until("the curve grows", async () => (await stepOf(page)) > first + 100);
  const sessions = await Array.fromAsync(box.sessions());
  await list.getByRole("table", { name: "Sessions" }).waitFor();
  const seed = await list.evaluate("document.activeElement.value");
  return { page, list, session: sessions[0]!, clicks, seed };
}

export const checks: readonly Check[] = [
  {
    name: "the page shows the session's own numbers",
    async run({ page, session }) {
      await page.getByRole("button", { name: "Pause" }).first().click();
      await page.getByRole("button", { name: "Run" }).first().waitFor();
      const { latest } = await session.refresh();
      await until("the page is at the session's step", async () => (await stepOf(page)) === latest!.step);
      await same(page, latest!);
      await page.getByRole("button", { name: "Run" }).first().click();
      const { step } = latest!;
      await until("the run goes on", async () => (await stepOf(page)) > step);
    },
  },
  {
    name: "a server that is killed and comes back is gone on with, without a gap, and a page asked for meanwhile comes",
    async run({ served, browser, page, list, session, isShort }) {
      await until("there is something to lose", async () => (await stepOf(page)) > 1_500);
      const before = await stepOf(page);
      browser.isFailureExpected = true;
      await served.kill();
      await sleep(isShort ? 500 : 1_500);
      await list.getByRole("link", { name: session.name.slice("sessions/".length) }).click();
      await sleep(isShort ? 500 : 1_500);
      await served.restart();
      await until("the page goes on", async () => (await stepOf(page)) > before + 500, 60_000);
      await list.getByRole("img", { name: /^Loss/ }).waitFor({ timeout: 10_000 });
      await list.goBack();
      browser.isFailureExpected = false;
      // Points from before the crash, from between its last checkpoint and it, and from after it.
      const history = await Array.fromAsync(session.history());
      const around = history.filter(({ step }) => step >= before - 600 && step <= before + 400);
      if (around.length < 5) throw new Error(`only ${around.length} points were recorded around the crash`);
      const every = isShort ? Math.ceil(around.length / 6) : 1;
      for (const point of around.filter((_, i) => i % every === 0)) {
        await goTo(page, point.step);
        await same(page, point);
      }
      await page.getByRole("button", { name: "Live" }).click();
    },
  },
  {
    name: "the slider back to step 1,000 shows REFERENCE's accuracies",
    async run({ page }) {
      await goTo(page, 1_000);
      for (const [measure, expected] of Object.entries(atStep1000)) {
        const shown = await readout(page, measure);
        if (shown === undefined || Math.abs(shown - expected) > accuracyTolerance) {
          throw new Error(`${measure} at step 1,000 is ${shown}, and ${expected} by REFERENCE`);
        }
      }
      for (const figure of [
        /^Accuracy by pair.* step 1,000/,
        /^theta.* step 1,000/,
        /^xi.* step 1,000/,
        /^Phases.* step 1,000/,
      ]) {
        await showAll(page);
        await page.getByRole("img", { name: figure }).waitFor();
      }
      await page.getByRole("button", { name: "Live" }).click();
    },
  },
  {
    name: "a link reproduces the view",
    async run({ page, browser }) {
      await goTo(page, 1_000);
      const address = page.url();
      const other = await browser.open({ device: "desktop", colorScheme: "light" });
      await other.goto(address);
      await until("the other page is at that step", async () => (await readout(other, "step")) === 1_000);
      const [here, there] = [await readout(page, "trainLoss"), await readout(other, "trainLoss")];
      if (here !== there) throw new Error(`train loss is ${here} here, ${there} there`);
      await other.context().close();
      await page.getByRole("button", { name: "Live" }).click();
    },
  },
  {
    name: "the keyboard alone moves through the history and pauses",
    async run({ page, session }) {
      await page.locator("body").press("Home");
      const slider = page.getByRole("slider", { name: "Step" });
      await slider.focus();
      await slider.press("Home");
      await until("Home is the first step", async () => (await readout(page, "step")) === 0);
      await slider.press("ArrowRight");
      await until("the right arrow goes on", async () => (await readout(page, "step"))! > 0);
      await page.getByRole("button", { name: "Live" }).focus();
      await page.keyboard.press("Enter");
      await page.evaluate("document.activeElement.blur()");
      // On a quick machine the run has ended by now.
      if ((await session.refresh()).state !== "running") {
        await page.keyboard.press(" ");
        await until("space runs", async () => (await session.refresh()).state === "running");
      }
      await page.getByRole("button", { name: "Pause" }).waitFor();
      await page.keyboard.press(" ");
      await until("space pauses", async () => (await session.refresh()).state === "paused");
      await page.keyboard.press(" ");
      await until("space runs", async () => (await session.refresh()).state === "running");
    },
  },
  {
    name: "the activation table comes on demand",
    async run({ page }) {
      await page.getByRole("button", { name: "Activation table" }).click();
      const table = page.getByRole("table", { name: "Activations" });
      await table.waitFor();
      await until("it has every activation", async () => (await table.getByRole("row").count()) >= 10);
    },
  },
  {
    name: "a script in a label is text",
    async run({ served, box, browser }) {
      const label = "<img src=x onerror=alert(1)><script>alert(2)</script>";
      await using session = await box.start({
        modulus: 7,
        width: 8,
        labels: { note: label },
      });
      const page = await browser.open({ device: "desktop", colorScheme: "light" });
      await page.goto(`http://${served.webAddress}/`);
      await page.getByText(label, { exact: false }).first().waitFor();
      const injected = await page.evaluate("document.querySelectorAll('img[src=x]').length");
      if (injected !== 0) throw new Error("the label became markup");
      await session.delete();
      await until(
        "a deleted session leaves the list",
        async () => (await page.getByText(label).count()) === 0,
      );
      await page.context().close();
    },
  },
  {
    name: "a measure that the newest point does not carry is shown as of the last step that does",
    async run({ served, box, browser }) {
      await using session = await box.start({
        ...{ modulus: 7, width: 8, recordEvery: 1 },
        measures: [
          { measure: "ipr", every: 10 },
          { measure: "meanAbsSinMisalignment", every: 10 },
        ],
      });
      await session.step(25);
      const points = await Array.fromAsync(session.history());
      const { ipr } = points.find(({ step }) => step === 20)!;
      const page = await browser.open({ device: "desktop", colorScheme: "light" });
      await page.goto(`http://${served.webAddress}/#/${session.name}`);
      await until("the page is at step 25", async () => (await stepOf(page)) === 25);
      const shown = await readout(page, "ipr");
      if (shown !== ipr) throw new Error(`IPR at step 20 is ${ipr}, and the page shows ${shown}`);
      await showAll(page);
      await page
        .getByRole("img", { name: /^Frequencies.* IPR \S+ at step 20, mean/ })
        .waitFor({ timeout: 15_000 });
      await page.context().close();
      await session.delete();
    },
  },
  {
    name: "axe finds nothing serious",
    async run({ served, page, browser, isShort }) {
      const found = [...(await seriousViolations(page))];
      for (const colorScheme of isShort ? (["dark"] as const) : (["light", "dark"] as const)) {
        const other = await browser.open({ device: "phone", colorScheme });
        await other.goto(`http://${served.webAddress}/`);
        await other
          .getByRole("link", { name: /^[0-9a-f]{12}$/ })
          .first()
          .waitFor();
        found.push(...(await seriousViolations(other)));
        await other.goto(page.url());
        await other.getByRole("img", { name: /^Loss/ }).waitFor();
        await sleep(1_000);
        found.push(...(await seriousViolations(other)));
        await other.context().close();
      }
      if (found.length > 0) throw new Error(JSON.stringify(found, undefined, 1));
    },
  },
];

/** What has come into sight is seen to have with the first, and drawn with the second. */
const twoFrames = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))";

/** Scrolls through a page, whose figures are drawn where somebody looks. */
export async function showAll(page: Page): Promise<void> {
  for (const share of [0.25, 0.5, 0.75, 1, 0]) {
    await page.evaluate(`scrollTo(0, ${share} * document.documentElement.scrollHeight)`);
    await page.evaluate(twoFrames);
  }
}

/** Moves the slider, as a person drags it. */
export async function goTo(page: Page, step: number): Promise<void> {
  const slider = page.getByRole("slider", { name: "Step" });
  await slider.fill(String(step));
  await until(`the page is at step ${step}`, async () => (await readout(page, "step")) === step);
}

async function stepOf(page: Page): Promise<number> {
  return (await readout(page, "step")) ?? 0;
}

async function same(page: Page, { trainLoss, testLoss, trainAccuracy, parameterNorm, ipr }: ProgressPoint) {
  const expected = { trainLoss, testLoss, trainAccuracy, parameterNorm, ipr };
  for (const [measure, value] of Object.entries(expected)) {
    const shown = await readout(page, measure);
    if (shown !== value) throw new Error(`${measure} is ${value}, and the page shows ${shown}`);
  }
}

export async function until(what: string, holds: () => Promise<boolean>, timeoutMs = 20_000): Promise<void> {
  const began = performance.now();
  while (!(await holds())) {
    if (performance.now() - began > timeoutMs)
      throw new Error(`waited ${timeoutMs / 1000} s in vain: ${what}`);
    await sleep(20);
  }
}
