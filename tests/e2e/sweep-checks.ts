import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "playwright-core";
import type { SweepOptions } from "../../sdk/src/mod.ts";
import { seriousViolations } from "./browser.ts";
import { type Check, type Scene, showAll, until } from "./checks.ts";
import { hold } from "./control-checks.ts";

/** 12 runs, of which 4 can't begin, and the others take a moment. */
export const smallSweep: SweepOptions = {
  title: "how much decay",
  base: { preset: "grokking", modulus: 7, width: 32, learningRate: 5e-3 },
  grid: { weightDecay: [-1, 0, 1] },
  seeds: [1, 2, 3, 4],
  untilStep: 600,
  recordEvery: 20,
  keepSessions: true,
};

export const sweepChecks: readonly Check[] = [
  {
    name: "a sweep is found in the list, and its runs come in while it is looked at",
    async run(scene) {
      const { box } = scene;
      // So long that it is under way until it is cancelled.
      await using sweep = await box.sweep({ ...smallSweep, untilStep: 10_000_000, recordEvery: 100_000 });
      const page = await openList(scene);
      await page.getByRole("link", { name: "how much decay" }).click();
      await page
        .getByText(/weight_decay must be/)
        .first()
        .waitFor();
      // Those that can't begin have ended.
      await page.locator('[data-done="4"]').waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      await until("the server has paused it", async () => (await sweep.refresh()).state === "paused");
      await page.getByRole("button", { name: "Resume" }).click();
      await until("the server goes on", async () => (await sweep.refresh()).state === "running");
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("button", { name: "Keep it" }).click();
      await page.getByRole("button", { name: "Cancel" }).click();
      await page.getByRole("button", { name: "Cancel it for good" }).click();
      await until("the server has cancelled it", async () => (await sweep.refresh()).state === "cancelled");
      await page.locator(".state[data-state=cancelled]").first().waitFor();
      await sweep.delete();
      await page.context().close();
    },
  },
  {
    name: "a sweep's numbers are the server's, its figures are drawn, and a run leads to its session",
    async run(scene) {
      const { served, box } = scene;
      await using sweep = await box.sweep(smallSweep);
      const page = await openList(scene);
      await page.goto(`http://${served.webAddress}/#/sweeps/${sweep.name.slice("sweeps/".length)}?group=1`);
      const runs = await Array.fromAsync(sweep.runs());
      await page.locator('[data-done="12"]').waitFor();
      const settings = page.getByRole("table", { name: "Settings" });
      await until("every setting has a row", async () => (await settings.getByRole("row").count()) === 4);
      const table = page.getByRole("table", { name: "Runs" });
      await until("every seed has a row", async () => (await table.getByRole("row").count()) === 5);
      const run = runs.find(({ group, seed }) => group === 1 && seed === 3)!;
      const row = table.getByRole("row").nth(3);
      const shown = (await row.getByRole("cell").allInnerTexts()).map((text) => text.trim());
      if (shown[0] !== "3" || shown[2] !== "600") throw new Error(`the row of seed 3 is ${shown}`);
      for (const figure of [/^Loss:.*medians over 4 runs.*step 600/, /^Accuracy/, /^Frequencies/, /^Norm/]) {
        await showAll(page);
        await page.getByRole("img", { name: figure }).waitFor();
      }
      await bandsAreOfLastGroup(page);
      if (runs.some(({ memorizationEnd }) => memorizationEnd !== undefined))
        await page.getByRole("img", { name: /^Stage times by weight_decay.*memorization ends at/ }).waitFor();
      await settings.getByRole("link", { name: "-1" }).click();
      await page
        .getByText(/weight_decay must be/)
        .nth(1)
        .waitFor();
      const chosen = settings.locator("[aria-current]");
      await until("the row is marked", async () => (await chosen.allInnerTexts()).join() === "-1");
      await page.goto(`http://${served.webAddress}/#/${sweep.name}?group=999`);
      await page.getByText("There is no setting 999").waitFor();
      await page.goto(`http://${served.webAddress}/#/${sweep.name}?group=1`);
      await until("another row is marked", async () => (await chosen.allInnerTexts()).join() === "0");
      const id = run.session!.slice("sessions/".length);
      await page.getByRole("link", { name: id }).click();
      await page.getByRole("img", { name: /^Loss/ }).waitFor();
      await page.getByText(/run 6 of sweep/).waitFor();
      await page.context().close();
    },
  },
  {
    name: "of a sweep that was deleted after its end that is said when another setting is looked at",
    async run(scene) {
      const { served, box, browser, list: page } = scene;
      await using sweep = await box.sweep({ ...smallSweep, seeds: [1], untilStep: 20, keepSessions: false });
      const runs = await Array.fromAsync(sweep.runs());
      await page.goto(`http://${served.webAddress}/#/${sweep.name}`);
      await page.locator(`[data-done="${runs.length}"]`).waitFor();
      const setting = page
        .getByRole("table", { name: "Settings" })
        .getByRole("link", { name: "1", exact: true });
      await setting.waitFor();
      await sweep.delete();
      browser.isFailureExpected = true;
      await setting.click();
      await page.getByText("This sweep was deleted.").waitFor();
      browser.isFailureExpected = false;
    },
  },
  {
    name: "of a sweep that was deleted after its end that is said by itself, and at once when the connection was made anew",
    async run({ served, box, browser }) {
      browser.isFailureExpected = true;
      for (const isBroken of [true, false]) {
        await using sweep = await box.sweep({
          ...smallSweep,
          seeds: [1],
          untilStep: 20,
          keepSessions: false,
        });
        const runs = await Array.fromAsync(sweep.runs());
        const page = await browser.open({ device: "desktop", colorScheme: "light" });
        let breakOff = () => {};
        await page.routeWebSocket(/\/live$/, (socket) => {
          socket.connectToServer();
          breakOff = () => void socket.close({ code: 1001 });
        });
        if (!isBroken) await page.clock.install();
        await page.goto(`http://${served.webAddress}/#/${sweep.name}`);
        await page.locator(`[data-done="${runs.length}"]`).waitFor();
        await page.locator(".state[data-state=finished]").first().waitFor();
        // Until the end of what is watched has come.
        await sleep(300);
        await sweep.delete();
        if (isBroken) breakOff();
        else await page.clock.fastForward(10_000);
        await page.getByText("This sweep was deleted.").waitFor({ timeout: 5_000 });
        await page.context().close();
      }
      browser.isFailureExpected = false;
    },
  },
  {
    name: "axe finds nothing serious about sweeps",
    async run({ served, box, browser }) {
      const [sweep] = await Array.fromAsync(box.sweeps());
      const found = [];
      for (const [device, colorScheme] of [
        ["desktop", "light"],
        ["phone", "dark"],
      ] as const) {
        const page = await browser.open({ device, colorScheme });
        await page.goto(`http://${served.webAddress}/#/sweeps/${sweep!.name.slice("sweeps/".length)}`);
        await page.getByRole("table", { name: "Runs" }).waitFor();
        await showAll(page);
        await sleep(500);
        found.push(...(await seriousViolations(page)));
        const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
        if (Number(overflow) > 0) throw new Error(`${device}: ${overflow} pixels wider than the screen`);
        await page.context().close();
      }
      if (found.length > 0) throw new Error(JSON.stringify(found, undefined, 1));
    },
  },
];

/** Group 1 is looked at, and group 2 was in between: its answer comes last. */
async function bandsAreOfLastGroup(page: Page): Promise<void> {
  const groups = page.getByRole("table", { name: "Settings" }).getByRole("link");
  const release = await hold(page, "GetSweepBands");
  await groups.nth(2).click();
  await release.asked;
  await groups.nth(1).click();
  const drawn = page.getByRole("img", { name: /^Loss:.*medians over 4 runs.*step 600/ });
  await drawn.waitFor();
  const late = page.waitForResponse(/GetSweepBands$/);
  release.answer();
  await (await late).finished();
  await showAll(page);
  await drawn.waitFor({ timeout: 2_000 });
}

async function openList({ served, browser }: Scene): Promise<Page> {
  const page = await browser.open({ device: "desktop", colorScheme: "light" });
  await page.goto(`http://${served.webAddress}/`);
  return page;
}
