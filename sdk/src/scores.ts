import type { ClassAccuracy as ClassAccuracyMessage, Scores as ScoresMessage } from "@grokbox/proto/progress";
import { defined } from "./defined.ts";

/** Accuracies on the four classes of ordered pairs, 0 to 1; absent where the class is empty. */
export interface ClassAccuracy {
  /** Both orders in the training set. */
  readonly common?: number;
  /** Only this order in the training set. */
  readonly rare?: number;
  /** In the test set, the other order in the training set. */
  readonly partner?: number;
  /** Neither order in the training set. */
  readonly heldOut?: number;
}

/** Losses and accuracies of one state. What the state can't have (a test loss without a test set) is absent. */
export interface Scores {
  /** Mean cross-entropy over the training pairs, nats. */
  readonly trainLoss?: number;
  /** Mean cross-entropy over the test pairs, nats. */
  readonly testLoss?: number;
  /** 0 to 1. */
  readonly trainAccuracy?: number;
  /** 0 to 1. */
  readonly testAccuracy?: number;
  readonly accuracy: ClassAccuracy;
}

export function fromScores(message: ScoresMessage | undefined): Scores {
  const { trainLoss, testLoss, trainAccuracy, testAccuracy } = message ?? {};
  return {
    ...defined({ trainLoss, testLoss, trainAccuracy, testAccuracy }),
    accuracy: fromClassAccuracy(message?.accuracy),
  };
}

export function fromClassAccuracy(message: ClassAccuracyMessage | undefined): ClassAccuracy {
  const { common, rare, partner, heldOut } = message ?? {};
  return defined({ common, rare, partner, heldOut });
}
