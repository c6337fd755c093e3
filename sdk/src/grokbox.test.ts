import { SessionService } from "@grokbox/proto/session";
import { SweepService, SweepState } from "@grokbox/proto/sweep";
import { expect, test } from "vitest";
import { cancelledAtFirst } from "./testing/cancelling.ts";
import { connect, info, session } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

const names = ["a", "b", "c"];
const sweep = (id: string) => ({ name: `sweeps/${id}`, state: SweepState.FINISHED });
const sessions = on(SessionService.method.listSessions, () => ({
  sessions: names.map((id) => session({ name: `sessions/${id}` })),
}));
const sweeps = on(SweepService.method.listSweeps, () => ({ sweeps: names.map(sweep) }));

test.each(["sessions", "sweeps"] as const)(
  "the caller's signal ends a list of %s within a page",
  async (list) => {
    await using server = await serve(info, sessions, sweeps);
    await using box = await connect(server.address);
    const cancelled = await cancelledAtFirst((signal) => box[list]({ signal }));
    expect(cancelled).toEqual({ seen: 1, failure: expect.objectContaining({ reason: "CANCELLED" }) });
  },
);
