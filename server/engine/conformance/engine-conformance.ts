import { afterAll, beforeAll, describe } from "vitest";
import type { Engine, EngineOption } from "../engine.ts";
import type { Limits, NetworkShape } from "./arbitrary-problem.ts";
import { describeBits } from "./bits-conformance.ts";
import { describeCohorts } from "./cohort-conformance.ts";
import { describeMeasures } from "./measure-conformance.ts";
import { describeAccuracy } from "./oracle-conformance.ts";
import { describeTrainer } from "./trainer-conformance.ts";

export interface EngineUnderTest {
  readonly name: string;
  /** Why this machine doesn't have the engine: its tests are then skipped, and say so. */
  readonly missing?: string | undefined;
  /** With its default number of threads, or with this one. */
  readonly open: (threads?: number) => Promise<Engine>;
  /** Numbers of threads that must make no difference; one entry for engines that have none. */
  readonly threads: readonly (number | undefined)[];
  /**
   * Networks that are trained at length are made no larger than this, for an engine that would take minutes over them. What it
   * must promise of them, and the number of steps, stay the same.
   * @default none
   */
  readonly limits?: Limits | undefined;
  /** Options that it can't train with: networks are made without them. @default none */
  readonly lacks?: readonly EngineOption[];
  /**
   * How many trainers more than it has threads must advance at once for the last to wait 100 ms for its turn.
   * @default 2
   */
  readonly ahead?: number;
  /**
   * Only these are trained, for an engine that takes seconds to get ready for a shape that it has not had yet. The first two at length:
   * they must be one with AdamW, and one with SGD and x^4. Those with options stand for all networks that have any.
   * @default any
   */
  readonly shapes?: readonly NetworkShape[];
  /**
   * Steps of the longest runs whose bits are compared, where they are made one by one as well.
   * @default 1000
   */
  readonly steps?: number;
  /**
   * All trainers advance side by side, and none waits.
   * @default false
   */
  readonly sideBySide?: boolean;
  /**
   * Only the arithmetic is tested, not the calls: for one more build of an engine that is tested in full. The long tests test it so too.
   * @default false
   */
  readonly isBrief?: boolean;
}

/** Steps of runs of a middling length: 300, or twice those of the longest, where these are few. */
export function middlingSteps({ steps = 1000 }: EngineUnderTest): number {
  return process.env.LONG_TESTS ? 300 : Math.min(300, 2 * steps);
}

/** Filled in before the first test runs. */
export interface OpenedEngine {
  engine: Engine;
}

/** Tests what every engine promises: engine.ts and DESIGN section 5. */
export function describeEngine(subject: EngineUnderTest): void {
  const { name, missing, open } = subject;
  describe.skipIf(missing !== undefined)(missing ? `${name} (${missing})` : name, () => {
    const opened = {} as OpenedEngine;
    beforeAll(async () => {
      opened.engine = await open();
    });
    afterAll(() => opened.engine.close());

    describeAccuracy(opened, subject);
    describeBits(opened, subject);
    if (subject.isBrief) return;
    describeTrainer(opened, subject);
    describeMeasures(opened, subject);
    describeCohorts(opened, subject);
  });
}
