import type { Page, Route } from "playwright-core";
import type { Session } from "../../sdk/src/mod.ts";
import { type Check, goTo, type Scene } from "./checks.ts";

/** With snapshots to look back at, and so large that a run is under way for a while. */
const snapped = {
  preset: "standard",
  recordEvery: 10,
  snapshotSchedule: { atSteps: [20, 40, 50] },
} as const;

/** Its loss soon is none. */
const explosive = {
  ...{ modulus: 7, width: 16, activation: "x^8" },
  init: { kind: "random", scale: 3 },
  optimizer: { kind: "sgd", learningRate: 0.01 },
} as const;

/** What controls make of hands that are quick, heavy or wrong, and of answers that are slow. */
export const controlChecks: readonly Check[] = [
  {
    name: "a seed that is none starts nothing, and two clicks on Run are one",
    async run(scene) {
      await using session = await scene.box.start(snapped);
      const page = await open(scene, "");
      const asked = callsOf(page);
      const seed = page.getByRole("spinbutton", { name: "Seed" });
      const start = page.getByRole("button", { name: "Start standard", exact: true });
      for (const text of ["1.5", "-1", "5000000000", ""]) {
        await seed.fill(text);
        // What can't be filled in can be typed: it is no number.
        if (text === "") await seed.press("e");
        await start.click();
        await page.locator(".seed input:invalid").waitFor();
      }
      const id = session.name.slice("sessions/".length);
      const run = page.getByRole("button", { name: `Run ${id}` });
      const release = await hold(page, "Run");
      await run.click();
      await release.asked;
      await run.click({ force: true });
      release.answer();
      await page.getByRole("button", { name: `Pause ${id}` }).waitFor();
      if (asked.join() !== "Run") throw new Error(`the server was asked to ${asked}`);
      await session.delete();
    },
  },
  {
    name: "a session that diverged is not offered to train",
    async run(scene) {
      await using session = await scene.box.start(explosive);
      // The Step that comes to it is refused the rest.
      await session.step(100).catch(() => {});
      const page = await open(scene, "");
      const row = page.getByRole("row").filter({ hasText: session.name.slice("sessions/".length) });
      await row.getByText("diverged").waitFor();
      const buttons = [...(await row.getByRole("button").allInnerTexts())];
      await row.getByRole("link").click();
      await page.locator(".head .state[data-state=diverged]").waitFor();
      buttons.push(...(await page.locator(".head button").allInnerTexts()));
      if (buttons.length > 0) throw new Error(`there are ${buttons}`);
      await open(scene, "");
      await session.delete();
    },
  },
  {
    name: "keys that are held act once, and none behind the open list of keys",
    async run(scene) {
      await using session = await scene.box.start(snapped);
      const page = await open(scene, session.name);
      await page.getByRole("button", { name: "Run" }).waitFor();
      const asked = callsOf(page);
      for (let time = 0; time < 6; time++) await page.keyboard.down(" ");
      await page.keyboard.up(" ");
      await page.getByRole("button", { name: "Pause" }).waitFor();
      await page.keyboard.press("?");
      await page.locator("#keys-title").click();
      await page.keyboard.press(" ");
      await page.keyboard.press("x");
      await page.keyboard.press("Escape");
      // Had the keys asked for something, it would have been done before this.
      await page.keyboard.press(" ");
      await page.getByRole("button", { name: "Run" }).waitFor();
      if (asked.join() !== "Run,Pause") throw new Error(`the server was asked to ${asked}`);
      if (page.url().includes("axis")) throw new Error(`the page behind the list is ${page.url()}`);
      await open(scene, "");
      await session.delete();
    },
  },
  {
    name: "the slider's last step is the one that weights and activations come to, however slow the answers",
    async run(scene) {
      await using session = await scene.box.start(snapped);
      await session.step(60);
      const page = await open(scene, "");
      await weightsAreOfLastStep(page, session);
      await refusedTableSaysNothing(scene, page, session);
      await tableIsOfLastStep(page);
      await open(scene, "");
      await session.delete();
    },
  },
];

/** The link leads to another one, so that the weights of now, which are looked at again after a while, are never asked for. */
async function weightsAreOfLastStep(page: Page, { name }: Session): Promise<void> {
  const release = await hold(page, "Spectrum");
  await page.evaluate(`location.hash = "#/${name}?step=50"`);
  await page.locator(".weights").scrollIntoViewIfNeeded();
  await release.asked;
  await goTo(page, 20);
  release.answer();
  await page.locator("grokbox-weights").getByText("of step 20,").waitFor({ timeout: 2_000 });
}

/** Opened by a link to the session that is open already. */
async function refusedTableSaysNothing({ browser }: Scene, page: Page, { name }: Session): Promise<void> {
  browser.isFailureExpected = true;
  const refuse = (route: Route) => route.fulfill({ status: 429, json: { code: "resource_exhausted" } });
  await page.route(/SwapActivation$/, refuse, { times: 1 });
  await page.evaluate(`location.hash = "#/${name}?step=20&table=1"`);
  await page.getByRole("button", { name: "Dismiss: Can't compute the activation table" }).click();
  const table = page.locator("grokbox-activations");
  if (await table.getByText("Computing").isVisible()) throw new Error("it seems to be computed still");
  browser.isFailureExpected = false;
  await table.getByRole("button", { name: "Compute again" }).click();
  await table.getByText("Weights of step 20,").waitFor();
}

async function tableIsOfLastStep(page: Page): Promise<void> {
  const release = await hold(page, "SwapActivation");
  await goTo(page, 50);
  await release.asked;
  await goTo(page, 40);
  // Until the slider counts as having come to rest.
  await page.waitForTimeout(400);
  release.answer();
  await page.locator("grokbox-activations").getByText("Weights of step 40,").waitFor({ timeout: 5_000 });
}

/** Keeps back the answer to the next call of a method. */
export async function hold(
  page: Page,
  method: string,
): Promise<{ readonly asked: Promise<void>; readonly answer: () => void }> {
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  const keep = async (route: Route) => {
    asked.resolve();
    await answer.promise;
    await route.continue();
  };
  await page.route(new RegExp(`/${method}$`), keep, { times: 1 });
  return { asked: asked.promise, answer: answer.resolve };
}

/** Methods that make something train or pause, as they are called from now on. */
export function callsOf(page: Page): string[] {
  const asked: string[] = [];
  page.on("request", (request) => {
    const [method] = /(StartSession|Run|Step|Pause)$/.exec(new URL(request.url()).pathname) ?? [];
    if (method !== undefined) asked.push(method);
  });
  return asked;
}

/** The page that the checks share, at another place. */
export async function open({ served, list }: Scene, name: string): Promise<Page> {
  await list.goto(`http://${served.webAddress}/#/${name}`);
  return list;
}
