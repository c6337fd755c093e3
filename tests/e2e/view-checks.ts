import type { Page } from "playwright-core";
import { readout } from "./browser.ts";
import { type Check, type Scene, until } from "./checks.ts";

/** A quick session whose progress is more than one message brings. */
const long = { modulus: 7, width: 8, recordEvery: 1 } as const;
const short = { modulus: 7, width: 8, recordEvery: 10 } as const;

/** What links and controls make of a session's page. */
export const viewChecks: readonly Check[] = [
  {
    name: "a link leads to its step however far on that is, and to one that is still to come once it is there",
    async run(scene) {
      await using session = await scene.box.start(long);
      await session.step(3_000);
      const page = await open(scene, `${session.name}?step=2950`);
      const { trainLoss } = (await Array.fromAsync(session.history())).find(({ step }) => step === 2_950)!;
      const isAt = (step: number) => async () =>
        (await readout(page, "step")) === step &&
        (await page.locator("output strong").innerText()) === step.toLocaleString("en-US");
      await until("the page is at step 2,950", isAt(2_950));
      const shown = await readout(page, "trainLoss");
      if (shown !== trainLoss) throw new Error(`train loss is ${trainLoss}, and the page shows ${shown}`);
      await page.goto(address(scene, `${session.name}?step=3500`));
      await until("the page is at the last step", isAt(3_000));
      await session.step(1_000);
      await until("the page is at step 3,500", isAt(3_500));
      await page.context().close();
      await session.delete();
    },
  },
  {
    name: "an end of a run that is none or refused stays in its field, and is refused again; one that is taken leaves it",
    async run(scene) {
      const { box, browser } = scene;
      await using session = await box.start(short);
      await session.step(50);
      const page = await open(scene, session.name);
      const field = page.getByRole("spinbutton", { name: "to step" });
      const refusals = page.locator("grokbox-problems").getByText("Can't run: “to step”: must be greater");
      await field.pressSequentially("80e");
      await field.press("Enter");
      await field.fill("10");
      await field.press("Enter");
      if ((await session.refresh()).step !== 50) throw new Error("what can't be an end was taken for one");
      browser.isFailureExpected = true;
      // As if the session had trained on, and the page not heard of it.
      await field.evaluate((input) => input.removeAttribute("min"));
      for (let time = 0; time < 2; time++) {
        await field.press("Enter");
        await refusals.waitFor();
        if ((await field.inputValue()) !== "10") throw new Error("what was refused has left the field");
        await page.getByRole("button", { name: "Dismiss" }).click();
      }
      browser.isFailureExpected = false;
      await field.fill("80");
      await field.press("Enter");
      await until("the session is at step 80", async () => (await session.refresh()).step === 80);
      await until("the field is empty", async () => (await field.inputValue()) === "");
      await page.context().close();
      await session.delete();
    },
  },
  {
    name: "a session that is deleted while it is looked at was deleted, and has not never been",
    async run(scene) {
      const { box, browser, isShort } = scene;
      browser.isFailureExpected = true;
      const list = await open(scene, "");
      // Whether the list of sessions or the session's progress tells first is left to chance.
      for (let time = 0; time < (isShort ? 2 : 3); time++) {
        await using session = await box.start(short);
        const page = await open(scene, session.name);
        const row = list.getByRole("link", { name: session.name.slice("sessions/".length) });
        await until("the page is at step 0", async () => (await readout(page, "step")) === 0);
        await row.waitFor();
        await session.delete();
        await row.waitFor({ state: "detached" });
        await page.getByRole("link", { name: "All sessions" }).waitFor();
        const said = await page.locator("main").innerText();
        if (!said.includes("This session was deleted.")) throw new Error(`the page says ${said}`);
        await page.context().close();
      }
      await list.context().close();
      browser.isFailureExpected = false;
    },
  },
  {
    name: "where no snapshot is kept, the figures of the weights say nothing of numbers",
    async run(scene) {
      await using session = await scene.box.start(short);
      await session.step(100);
      const page = await open(scene, `${session.name}?step=50`);
      await page.locator(".weights").scrollIntoViewIfNeeded();
      await page.getByText("No snapshot is kept at or before step 50.").waitFor();
      const notes = await page.locator(".weights .note").allInnerTexts();
      if (notes.length > 0) throw new Error(`they say ${notes.join(" and ")}`);
      await page.context().close();
      await session.delete();
    },
  },
  {
    name: "values under the pointer are shown within the window",
    async run(scene) {
      await using session = await scene.box.start(short);
      await session.step(10);
      const page = await open(scene, session.name, "phone");
      await page.locator(".weights").scrollIntoViewIfNeeded();
      const grid = page.getByRole("img", { name: /^Accuracy by pair: \d/ });
      await grid.scrollIntoViewIfNeeded();
      const { x, y, width, height } = (await grid.boundingBox())!;
      for (const share of [0.2, 0.45, 0.55, 0.9]) {
        await page.mouse.move(x + share * width, y + 0.3 * height);
        const tip = (await page.locator(".tip").boundingBox())!;
        const { clientWidth, scrollWidth } = (await page.evaluate(
          "(({ clientWidth, scrollWidth }) => ({ clientWidth, scrollWidth }))(document.documentElement)",
        )) as { clientWidth: number; scrollWidth: number };
        if (tip.x < 0 || tip.x + tip.width > clientWidth || scrollWidth > clientWidth)
          throw new Error(`at ${share} of the grid the tip is at ${tip.x} and ${tip.width} wide`);
      }
      await page.context().close();
      await session.delete();
    },
  },
  {
    name: "the legend of the accuracy grid has what is drawn, and where that is colours alone, says so",
    async run(scene) {
      for (const [modulus, isLarge] of [
        [7, false],
        [97, true],
      ] as const) {
        await using session = await scene.box.start({ modulus, width: 8 });
        const page = await open(scene, session.name);
        await page.locator(".weights").scrollIntoViewIfNeeded();
        const grid = page.locator("grokbox-accuracy-grid");
        await grid.getByRole("img", { name: /^Accuracy by pair: [\d,]+ of/ }).waitFor();
        const note = grid.getByText("too small for crosses and outlines");
        await until("the note is as it should be", async () => (await note.isVisible()) === isLarge, 5_000);
        const said = await grid.locator(".classes").innerText();
        if (
          said.includes("held out") === isLarge ||
          (await grid.locator("path").count()) !== (isLarge ? 0 : 1)
        )
          throw new Error(`of modulus ${modulus} the legend has ${said}`);
        await page.context().close();
        await session.delete();
      }
    },
  },
  {
    name: "a link is copied also where the page is given no clipboard, or why not is said",
    async run(scene) {
      await using session = await scene.box.start(short);
      const page = await open(scene, `${session.name}?step=0`);
      // As on a page that came over plain HTTP from another machine.
      await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })");
      await copies(page);
      await page.evaluate("document.execCommand = () => false");
      await page.getByRole("button", { name: "Copy link" }).click();
      await page.getByText("Can't copy the link: the browser does not allow it; the address bar").waitFor();
      await page.context().close();
      await session.delete();
    },
  },
];

async function copies(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Copy link" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor({ timeout: 5_000 });
  const focused = await page.evaluate("document.activeElement.textContent.trim()");
  if (focused !== "Copied") throw new Error(`the focus is at ${focused}`);
  await page.evaluate("document.body.append(document.createElement('textarea'))");
  const field = page.locator("body > textarea");
  await field.press("Control+V");
  const pasted = await field.inputValue();
  if (pasted !== page.url()) throw new Error(`what was copied is “${pasted}”`);
}

const address = ({ served }: Scene, name: string) => `http://${served.webAddress}/#/${name}`;

async function open(scene: Scene, name: string, device: "desktop" | "phone" = "desktop") {
  const page = await scene.browser.open({ device, colorScheme: "light" });
  await page.goto(address(scene, name));
  return page;
}
