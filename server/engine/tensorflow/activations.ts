import type { Tensor } from "@tensorflow/tfjs-core";
import type { Activation } from "../../model/spec.ts";
import type { TensorFlow } from "./backend.ts";

/** sigma and sigma' in TensorFlow.js operations, of tensors of any shape. */
export interface TensorActivation {
  value(z: Tensor): Tensor;
  /** @param value - sigma(z), for those that can be told from it */
  derivative(z: Tensor, value: Tensor): Tensor;
}

/** The activation of this name, float32-exact to a few units in the last place: DESIGN section 4. */
export function tensorActivation(tf: TensorFlow, name: Activation): TensorActivation {
  switch (name) {
    case "relu":
      return { value: (z) => tf.relu(z), derivative: (z) => tf.step(z) };
    case "gelu":
      return {
        value: (z) => tf.mul(z, normalDistribution(tf, z)),
        derivative: (z) => tf.add(normalDistribution(tf, z), tf.mul(z, normalDensity(tf, z))),
      };
    case "x^2":
      return { value: (z) => tf.square(z), derivative: (z) => tf.add(z, z) };
    case "identity":
      return { value: (z) => tf.clone(z), derivative: (z) => tf.onesLike(z) };
    case "abs":
      return { value: (z) => tf.abs(z), derivative: (z) => tf.sign(z) };
    case "x^3":
      return {
        value: (z) => tf.mul(tf.square(z), z),
        derivative: (z) => tf.mul(tf.square(z), 3),
      };
    case "x^4":
      return {
        value: (z) => tf.square(tf.square(z)),
        derivative: (z) => tf.mul(tf.mul(tf.square(z), z), 4),
      };
    case "x^8":
      return {
        value: (z) => tf.square(tf.square(tf.square(z))),
        derivative: (z) => {
          const square = tf.square(z);
          return tf.mul(tf.mul(tf.mul(tf.square(square), square), z), 8);
        },
      };
    case "softplus2":
      // max(2z, 0) + log(1 + e^{-|2z|}), which overflows nowhere; its slope is 2 / (1 + e^{-2z}).
      return {
        value: (z) => tf.add(tf.relu(tf.add(z, z)), log1p(tf, tf.exp(tf.mul(tf.abs(z), -2)))),
        derivative: (z) => tf.div(2, tf.add(tf.exp(tf.mul(z, -2)), 1)),
      };
    case "exp":
      return { value: (z) => tf.exp(z), derivative: (_, value) => tf.clone(value) };
  }
}

/**
 * Coefficients, highest first, of erfc(z) e^{z^2} = t (c_9 t^9 + ... + c_0), t = 1 / (1 + 0.35 z), for z >= 0: interpolated at
 * Chebyshev nodes over 0 <= z <= 10, to 1e-8. (`tf.erf` of TensorFlow.js' own backends is a formula good to 1.5e-7 of 1, which
 * leaves nothing of a small erfc.)
 */
const scaledErfcCoefficients = [
  0.0366547279, -0.1495435352, 0.1596412149, 0.00104561349, 0.06340511023, 0.1585546898, 0.1469157809,
  0.1888063984, 0.1970307378, 0.1974892664,
];

/** Phi(z) = erfc(-z / sqrt(2)) / 2; through the small tail on either side, where 1 + erf would cancel. */
export function normalDistribution(tf: TensorFlow, z: Tensor): Tensor {
  return tf.tidy(() => {
    const t = tf.div(1, tf.add(tf.mul(tf.abs(z), 0.35 * Math.SQRT1_2), 1));
    const [first, ...rest] = scaledErfcCoefficients;
    const polynomial = rest.reduce<Tensor>(
      (sum, c) => tf.add(tf.mul(sum, t), c),
      tf.mul(tf.onesLike(t), first),
    );
    const tail = tf.mul(tf.mul(tf.mul(t, polynomial), gauss(tf, z)), 0.5);
    return tf.where(tf.less(z, 0), tail, tf.sub(1, tail));
  });
}

function normalDensity(tf: TensorFlow, z: Tensor): Tensor {
  return tf.mul(gauss(tf, z), 1 / Math.sqrt(2 * Math.PI));
}

/** e^{-z^2 / 2} */
function gauss(tf: TensorFlow, z: Tensor): Tensor {
  return tf.exp(tf.mul(tf.square(z), -0.5));
}

/** log(1 + x) for x >= 0. That of the wasm backend loses a small x in the sum; here the sum's rounding error cancels. */
function log1p(tf: TensorFlow, x: Tensor): Tensor {
  const sum = tf.add(x, 1);
  const rounded = tf.sub(sum, 1);
  return tf.where(tf.equal(rounded, 0), x, tf.div(tf.mul(tf.log(sum), x), rounded));
}
