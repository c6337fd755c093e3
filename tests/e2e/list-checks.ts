import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { LiveEventSchema, LiveRequestSchema } from "@grokbox/proto/live";
import type { Page, WebSocketRoute } from "playwright-core";
import { session } from "../../sdk/src/testing/messages.ts";
import { type Check, until } from "./checks.ts";
import { smallSweep } from "./sweep-checks.ts";

const parts = 40;
const sessionsEach = 25;

/** What long lists and long names make of the pages. */
export const listChecks: readonly Check[] = [
  {
    name: "a thousand sessions are drawn a few times while they come, and laid out where somebody looks",
    async run({ served, browser }) {
      const page = await browser.open({ device: "desktop", colorScheme: "light" });
      await page.addInitScript(`
        window.drawn = 0;
        const hasRows = ({ addedNodes }) => [...addedNodes].some(({ nodeName }) => nodeName === "TR");
        new MutationObserver((changes) => {
          if (changes.some(hasRows)) window.drawn += 1;
        }).observe(document, { childList: true, subtree: true });
      `);
      await page.routeWebSocket(/\/live$/, tellOfMany);
      await page.goto(`http://${served.webAddress}/`);
      await page.getByText(`${(parts * sessionsEach).toLocaleString("en-US")}, none training`).waitFor();
      const drawn = Number(await page.evaluate("window.drawn"));
      if (drawn > parts / 4) throw new Error(`${parts} parts of the list were drawn ${drawn} times`);
      const seen = await page.evaluate(`[...document.querySelectorAll("tbody tr")].filter((row) =>
        row.firstElementChild.checkVisibility({ contentVisibilityAuto: true })).length`);
      if (Number(seen) < 10 || Number(seen) > 200) throw new Error(`${seen} rows are laid out`);
      await page.context().close();
    },
  },
  {
    name: "however long a name is, no page is wider than the screen",
    async run({ served, box, browser }) {
      const title = "long".repeat(40);
      const labels = { about: "x".repeat(60) };
      await using sweep = await box.sweep({ ...smallSweep, title, labels, seeds: [1], untilStep: 20 });
      await Array.fromAsync(sweep.runs());
      for (const device of ["phone", "desktop"] as const) {
        browser.isFailureExpected = true;
        const page = await browser.open({ device, colorScheme: "light" });
        await page.goto(`http://${served.webAddress}/`);
        await page.getByRole("link", { name: title }).waitFor();
        await fits(page, `the list on a ${device}`);
        await page.goto(`http://${served.webAddress}/#/${sweep.name}`);
        await page.getByRole("heading", { name: title }).waitFor();
        await page.getByRole("table", { name: "Runs" }).waitFor();
        await fits(page, `the sweep on a ${device}`);
        for (const kind of ["sessions", "sweeps"]) {
          await page.goto(`http://${served.webAddress}/#/${kind}/${"a".repeat(200)}`);
          await page.getByRole("link", { name: "All sessions" }).waitFor();
          await fits(page, `${kind} that there are not on a ${device}`);
        }
        await page.context().close();
        browser.isFailureExpected = false;
      }
      await sweep.delete();
    },
  },
];

/** In place of a server that would need a while to have so many. */
function tellOfMany(socket: WebSocketRoute): void {
  socket.onMessage(async (message) => {
    const { subscription, request } = fromBinary(LiveRequestSchema, message as Buffer);
    if (request.case !== "sessions") return;
    for (let part = 0; part < parts; part++) {
      const changed = Array.from({ length: sessionsEach }, (_, i) =>
        session({ name: `sessions/${String(part * sessionsEach + i).padStart(12, "0")}` }),
      );
      const value = { changed, removed: [], complete: part === parts - 1 };
      const event = { case: "sessions", value } as const;
      socket.send(
        Buffer.from(toBinary(LiveEventSchema, create(LiveEventSchema, { subscription, event } as never))),
      );
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  });
}

async function fits(page: Page, what: string): Promise<void> {
  let wider = 0;
  const measure = async () => {
    wider = Number(await page.evaluate("document.documentElement.scrollWidth - innerWidth"));
    return wider <= 0;
  };
  await until(`${what} fits`, measure, 2_000).catch(() => {
    throw new Error(`${what} is ${wider} pixels wider than the screen`);
  });
}
