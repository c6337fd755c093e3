import { type Choice, makeStart, type NetworkShape, ofShape, type Start } from "./arbitrary-problem.ts";

export const adamw = {
  kind: "adamw",
  learningRate: 1e-3,
  weightDecay: 0.1,
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
} as const;

export const sgd = { kind: "sgd", learningRate: 0.1, weightDecay: 0.01 } as const;

/** Trains in milliseconds, and is a multiple of no vector. */
export const small: Choice = {
  modulus: 11,
  width: 37,
  activation: "relu",
  task: "add",
  optimizer: adamw,
  warmupSteps: 10,
  trainFraction: 1,
  seed: 7,
};

/** `small`, of another shape. */
export function choiceOf(shape: NetworkShape): Choice {
  return ofShape(shape, small, shape.optimizer === "sgd" ? sgd : adamw, { alpha: 0.9, lambda: 2 });
}

/** theta = cos(w_k j + phi), xi = cos(w_k j + 2 phi), phases even over each frequency: REFERENCE, "Ideal networks". */
export function idealNetwork(modulus: number, width: number): Start {
  const frequencies = (modulus - 1) / 2;
  const { problem, state } = makeStart({ ...small, activation: "x^2", modulus, width });
  for (let m = 0; m < width; m++) {
    const k = (m % frequencies) + 1;
    const inGroup = Math.ceil((width - (m % frequencies)) / frequencies);
    const phase = (2 * Math.PI * Math.floor(m / frequencies)) / inGroup;
    for (let j = 0; j < modulus; j++) {
      const angle = (2 * Math.PI * k * j) / modulus;
      state.theta[m * modulus + j] = Math.cos(angle + phase);
      state.xi[m * modulus + j] = Math.cos(angle + 2 * phase);
    }
  }
  return { problem, state };
}
