import { writeSync } from "node:fs";
import { openStore } from "../store.ts";
import { session, state } from "./rows.ts";

/**
 * Commits snapshots with their progress and answers, of four sessions at once, and prints "session step" once each is acknowledged,
 * until it is killed.
 */
const [, , directory] = process.argv;
const store = await openStore({ directory, holder: "commit-forever" });
const { sessions } = await store.load();

async function commitForever(id: string, ordinal: number): Promise<void> {
  let step = sessions.find((row) => row.id === id)?.step ?? 0;
  for (;;) {
    step += 1;
    await store.commit({
      putSessions: [session(id, ordinal, { step })],
      // Small and large ones; every third replaces an older head only.
      ...(step % 3 === 0
        ? { putHeads: [state(id, step, { values: 40_000 })] }
        : { putSnapshots: [state(id, step, { head: true, values: step % 2 ? 80 : 20_000 })] }),
      ...(step > 40 ? { deleteSnapshots: [{ session: id, step: step - 40 }] } : {}),
      appendProgress: [{ session: id, firstSequence: step, count: 1, data: Uint8Array.of(step % 256) }],
      putAnswers: [
        {
          requestId: `${id} ${step}`,
          fingerprint: "f",
          method: "step",
          response: Uint8Array.of(step % 256),
          expireTimeMs: Date.now() + 3_600_000,
        },
      ],
    });
    // At once, and not when the event loop finds time.
    writeSync(1, `${id} ${step}\n`);
  }
}

for (const [ordinal, id] of ["a", "b", "c", "d"].entries()) void commitForever(id, ordinal);
