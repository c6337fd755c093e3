import type { Tensor, Tensor2D } from "@tensorflow/tfjs-core";
import { learningRateAt } from "../../model/learning-rate.ts";
import type { Problem } from "../engine.ts";
import type { TensorFlow } from "./backend.ts";

/** One layer's weights, and the moments that AdamW keeps beside them. [M, p] each. */
export interface Layer {
  readonly weights: Tensor2D;
  readonly first?: Tensor2D;
  readonly second?: Tensor2D;
}

/** Makes the update of a layer that leaves step `step`; new tensors, for the caller to dispose of. */
export type Update = (layer: Layer, gradient: Tensor2D, step: number) => Layer;

/** The optimizer's update: DESIGN section 4. Scalars are computed in float64 and rounded once. */
export function updateOf(tf: TensorFlow, { optimizer, schedule }: Problem): Update {
  if (optimizer.kind === "sgd") {
    return ({ weights }, gradient, step) => {
      const rate = learningRateAt(optimizer, schedule, step);
      return tf.tidy(() => {
        const slope = tf.add(gradient, tf.mul(weights, optimizer.weightDecay));
        return { weights: tf.sub<Tensor2D>(weights, tf.mul(slope, rate)) };
      });
    };
  }
  const { beta1, beta2, epsilon, weightDecay } = optimizer;
  return ({ weights, first, second }, gradient, step) => {
    const rate = learningRateAt(optimizer, schedule, step);
    const stepSize = rate / (1 - beta1 ** (step + 1));
    const inverseRootCorrection = 1 / Math.sqrt(1 - beta2 ** (step + 1));
    return tf.tidy(() => {
      const nextFirst = tf.add<Tensor2D>(first!, tf.mul(tf.sub(gradient, first!), 1 - beta1));
      const squares: Tensor = tf.mul(tf.square(gradient), 1 - beta2);
      const nextSecond = tf.add<Tensor2D>(tf.mul(second!, beta2), squares);
      const divisor = tf.add(tf.mul(tf.sqrt(nextSecond), inverseRootCorrection), epsilon);
      const change = tf.mul(tf.div(nextFirst, divisor), stepSize);
      const decayed = tf.mul(weights, 1 - rate * weightDecay);
      return { weights: tf.sub<Tensor2D>(decayed, change), first: nextFirst, second: nextSecond };
    });
  };
}
