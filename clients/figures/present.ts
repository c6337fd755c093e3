import type { Session } from "@grokbox/sdk";
import { FigureError } from "./figure-error.ts";
import { keptSteps } from "./steps.ts";

/** The present state of a session, which all calls that look at it must find. */
export interface Present extends AsyncDisposable {
  readonly step: number;
  /** It is looked at as a snapshot. */
  readonly isKept: boolean;
  /** @throws FigureError when the session went on meanwhile */
  check(): Promise<void>;
}

/** Of a session that trains a snapshot is kept for as long as it is looked at. */
export async function holdStill(
  session: Session,
  looksAtStates: boolean,
  signal: AbortSignal | undefined,
): Promise<Present> {
  const { state, step } = await session.refresh({ signal });
  if (!looksAtStates || (state !== "running" && state !== "stepping")) {
    const check = async () => {
      const moved = (await session.refresh({ signal })).step;
      if (!looksAtStates || moved === step) return;
      throw new FigureError(
        `${session.name} went from step ${step} to ${moved} while it was drawn; draw it again, or a snapshot of it`,
        "state",
      );
    };
    return { step, isKept: false, check, [Symbol.asyncDispose]: async () => {} };
  }
  const before = await keptSteps(session, signal);
  const snapshot = await session.snapshot({ signal });
  return {
    step: snapshot.step,
    isKept: true,
    check: async () => {},
    [Symbol.asyncDispose]: async () => {
      if (!before.includes(snapshot.step)) await session.deleteSnapshot(snapshot.step);
    },
  };
}
