"""The problem that every peer solves, and its solution in float64.

The network is h_m(x, y) = relu(theta_m[x] + theta_m[y]), f(x, y)[j] = sum_m xi_m[j] h_m(x, y), the label of (x, y) is x + y mod p. One
step is one full-batch AdamW update of the mean cross-entropy over all p^2 ordered pairs, which is computed from the p(p+1)/2 unordered
pairs: (x, y) and (y, x) have the same logits.

Both layers are kept as [p, M] here: rows are long and contiguous, whatever M is.
"""

from dataclasses import dataclass

import numpy as np

LEARNING_RATE = 5e-5
BETA1 = 0.9
BETA2 = 0.98
EPSILON = 1e-8
# With no decay `w *= 1 - rate * WEIGHT_DECAY` changes nothing, and a peer may leave it out.
WEIGHT_DECAY = 0.0
WARMUP_STEPS = 10
INIT_SCALE = 0.1


def learning_rate(step):
    """Of the update that leaves `step`."""
    return LEARNING_RATE * min(step / WARMUP_STEPS, 1.0)


@dataclass(frozen=True)
class Problem:
    """Pairs are ordered by the difference d = 0..(p-1)/2 of their second to their first, then by the first: pair d p + x is
    (x, x + d mod p). That lists each unordered pair once, and makes the pairs of one difference a shifted copy of theta."""

    modulus: int
    width: int
    seed: int = 42

    @property
    def pairs(self):
        return self.modulus * (self.modulus + 1) // 2

    @property
    def differences(self):
        return (self.modulus + 1) // 2

    @property
    def operations(self):
        """Of one step: three matrix products over the unordered pairs, as the bench counts them for every engine."""
        return 6 * self.width * self.modulus * self.pairs

    def first(self):
        return np.tile(np.arange(self.modulus), self.differences)

    def second(self):
        shift = np.repeat(np.arange(self.differences), self.modulus)
        return (self.first() + shift) % self.modulus

    def labels(self):
        return (self.first() + self.second()) % self.modulus

    def weights(self):
        """[U] float64: the share of the training set that a pair stands for."""
        return np.where(self.first() == self.second(), 1.0, 2.0) / self.modulus**2

    def incidence(self):
        """[U, p] float64: how often a value occurs in a pair; 2 on the pairs (x, x)."""
        rows = np.arange(self.pairs)
        incidence = np.zeros((self.pairs, self.modulus))
        np.add.at(incidence, (rows, self.first()), 1)
        np.add.at(incidence, (rows, self.second()), 1)
        return incidence

    def incident(self):
        """[p, p + 1] pairs in which each value occurs; (x, x) twice."""
        order = np.argsort(np.concatenate([self.first(), self.second()]), kind="stable")
        return (order % self.pairs).reshape(self.modulus, self.modulus + 1)

    def targets(self):
        """[U, p] float64: a pair's weight at its label, 0 elsewhere."""
        targets = np.zeros((self.pairs, self.modulus))
        targets[np.arange(self.pairs), self.labels()] = self.weights()
        return targets

    def initial(self):
        """[2, p, M] float32: theta and xi."""
        draws = np.random.RandomState(self.seed).standard_normal((2, self.modulus, self.width))
        return (draws * INIT_SCALE / np.sqrt(self.modulus)).astype(np.float32)


def loss(problem, parameters):
    """Mean cross-entropy in nats, in float64. `parameters` is [2, p, M]."""
    theta, xi = parameters.astype(np.float64)
    hidden = theta[problem.first()] + theta[problem.second()]
    np.maximum(hidden, 0, out=hidden)
    logits = hidden @ xi.T
    return float(_losses(problem, logits) @ problem.weights())


def train(problem, steps):
    """The parameters after so many updates, [2, p, M] float64."""
    parameters = problem.initial().astype(np.float64)
    theta, xi = parameters
    first_moment, second_moment = np.zeros_like(parameters), np.zeros_like(parameters)
    gradient = np.empty_like(parameters)
    first, second = problem.first(), problem.second()
    incidence, targets = problem.incidence(), problem.targets()
    for step in range(steps):
        hidden = theta[first]
        hidden += theta[second]
        np.maximum(hidden, 0, out=hidden)
        logits = hidden @ xi.T
        logits -= logits.max(axis=1, keepdims=True)
        probabilities = np.exp(logits)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
        logits_gradient = probabilities * problem.weights()[:, None] - targets
        gradient[1] = logits_gradient.T @ hidden
        hidden_gradient = logits_gradient @ xi
        hidden_gradient *= hidden > 0
        gradient[0] = incidence.T @ hidden_gradient
        rate = learning_rate(step)
        parameters *= 1 - rate * WEIGHT_DECAY
        first_moment += (1 - BETA1) * (gradient - first_moment)
        second_moment *= BETA2
        second_moment += (1 - BETA2) * gradient**2
        scale = np.sqrt(second_moment / (1 - BETA2 ** (step + 1))) + EPSILON
        parameters -= rate / (1 - BETA1 ** (step + 1)) * first_moment / scale
    return parameters


def _losses(problem, logits):
    top = logits.max(axis=1, keepdims=True)
    normalizer = top[:, 0] + np.log(np.exp(logits - top).sum(axis=1))
    return normalizer - logits[np.arange(problem.pairs), problem.labels()]
