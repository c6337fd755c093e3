import type { Page, Route } from "playwright-core";
import { type Check, until } from "./checks.ts";
import { callsOf, hold, open } from "./control-checks.ts";
import { smallSweep } from "./sweep-checks.ts";

/** A run of it is under way until it is paused. */
const quick = { modulus: 7, width: 8, recordEvery: 1_000 } as const;

/** Where the focus is when what had it comes and goes. */
export const keyboardChecks: readonly Check[] = [
  {
    name: "who runs, pauses and resumes by keyboard stays at the button, in the list of sessions and of sweeps",
    async run(scene) {
      await using session = await scene.box.start(quick);
      await using sweep = await scene.box.sweep({
        ...smallSweep,
        untilStep: 10_000_000,
        recordEvery: 100_000,
      });
      const page = await open(scene, "");
      const asked = callsOf(page);
      const id = session.name.slice("sessions/".length);
      await page.getByRole("button", { name: `Run ${id}` }).focus();
      const release = await hold(page, "Run");
      await page.keyboard.press("Enter");
      await release.asked;
      await page.keyboard.press("Enter");
      await isFocused(page, `Run ${id}`);
      release.answer();
      await isFocused(page, `Pause ${id}`);
      await page.keyboard.press("Enter");
      await isFocused(page, `Run ${id}`);
      if (asked.join() !== "Run,Pause") throw new Error(`the server was asked to ${asked}`);
      const sweepId = sweep.name.slice("sweeps/".length);
      await page.getByRole("button", { name: `Pause ${sweepId}` }).focus();
      for (const next of ["Resume", "Pause"]) {
        await page.keyboard.press("Enter");
        await isFocused(page, `${next} ${sweepId}`);
      }
      await open(scene, "");
      await session.delete();
      await sweep.delete();
    },
  },
  {
    name: "on the page of a session the focus passes from what is gone to what is there",
    async run(scene) {
      await using session = await scene.box.start(quick);
      const page = await open(scene, session.name);
      const asked = callsOf(page);
      await page.getByRole("button", { name: "Step 100" }).focus();
      // Somebody else's, which lasts as long as it is wanted to.
      const stepping = new AbortController();
      const over = session.step(100_000_000, { signal: stepping.signal }).catch(() => {});
      await page.locator(".state[data-state=stepping]").waitFor();
      await page.keyboard.press("Enter");
      await isFocused(page, "Step 100");
      stepping.abort();
      await over;
      await page.locator(".state[data-state=idle]").waitFor();
      await isFocused(page, "Step 100");
      if (asked.length > 0) throw new Error(`while it made steps it was asked to ${asked}`);
      await page.getByRole("spinbutton", { name: "to step" }).fill("9007199254740991");
      await page.keyboard.press("Enter");
      await isFocused(page, "Pause");
      await page.keyboard.press("Enter");
      await isFocused(page, "Run");
      await open(scene, "");
      await session.delete();
    },
  },
  {
    name: "who cancels a sweep for good is at its name then",
    async run(scene) {
      await using sweep = await scene.box.sweep({
        ...smallSweep,
        untilStep: 10_000_000,
        recordEvery: 100_000,
      });
      const page = await open(scene, sweep.name);
      await page.getByRole("button", { name: "Cancel" }).focus();
      await page.keyboard.press("Enter");
      await isFocused(page, "Cancel it for good");
      await page.keyboard.press("Enter");
      await page.locator(".state[data-state=cancelled]").first().waitFor();
      await isFocused(page, "how much decay");
      await open(scene, "");
      await sweep.delete();
    },
  },
  {
    name: "who dismisses a problem is at the next one, and after the last back on the page",
    async run(scene) {
      const { box, browser } = scene;
      await using session = await box.start(quick);
      const page = await open(scene, session.name);
      browser.isFailureExpected = true;
      const refuse = (route: Route) => route.fulfill({ status: 429, json: { code: "resource_exhausted" } });
      await page.route(/TrainingService\/(Run|Step)$/, refuse);
      await page.getByRole("button", { name: "Run" }).click();
      await page.getByRole("button", { name: "Step 100" }).click();
      await page.getByRole("button", { name: "Dismiss: Can't make steps" }).waitFor();
      await page.unroute(/TrainingService\/(Run|Step)$/);
      browser.isFailureExpected = false;
      await page.getByRole("button", { name: "Dismiss: Can't run" }).focus();
      await page.keyboard.press("Enter");
      await isFocused(page, "Dismiss: Can't make steps");
      await page.keyboard.press("Enter");
      await until("the page has the focus", async () => (await focused(page)) === "MAIN", 5_000);
      await open(scene, "");
      await session.delete();
    },
  },
];

async function isFocused(page: Page, name: string): Promise<void> {
  await until(`“${name}” has the focus`, async () => (await focused(page)) === name, 5_000);
}

/** The name of what has the focus; what is no button, link or heading by its tag. */
async function focused(page: Page): Promise<unknown> {
  return page.evaluate(`(({ ariaLabel, textContent, tagName }) =>
    /^(BODY|MAIN)$/.test(tagName) ? tagName : (ariaLabel ?? textContent.trim()))(document.activeElement)`);
}
