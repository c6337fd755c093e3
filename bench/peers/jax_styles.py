"""This network in JAX: `jit` of a `scan` over steps, with donated buffers. A style is what it is in torch_styles."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from problem import BETA1, BETA2, EPSILON, LEARNING_RATE, WARMUP_STEPS, WEIGHT_DECAY


def styles(device, problem):
    """The likely fastest first. Those with `tf32` and `cohort` are for information: less exact; many networks at once."""
    forms = ["scan gather", "scan gemm"]
    if device == "cpu":
        return [*forms, "scan grad", "scan gather unrolled", "cohort gather"]
    if problem.operations > 1e9:
        return [*forms, "scan gather tf32"]
    return ["scan gather", "scan gather unrolled", "scan gather tf32", "cohort gather", "scan gemm"]


def make(style, problem, device):
    kind, form, *words = style.split()
    # On a GPU the default precision of a product of float32 matrices is TF32.
    jax.config.update("jax_default_matmul_precision", "tensorfloat32" if "tf32" in words else "highest")
    cohort = (256 if device == "cuda" else 8) if kind == "cohort" else 1
    return Scan(problem, form, 10 if "unrolled" in words else 1, cohort)


def version():
    return jax.__version__


def device_name(_device):
    return jax.devices()[0].device_kind


def blas():
    """Who multiplies matrices on a CPU."""
    return "xla"


def reset_peak_memory():
    pass


def peak_memory(style):
    """What the compiled program holds at once by the compiler's own account, bytes; None where it gives none."""
    analysis = style.program.memory_analysis()
    if analysis is None:
        return None
    return (
        analysis.argument_size_in_bytes
        + analysis.output_size_in_bytes
        - analysis.alias_size_in_bytes
        + analysis.temp_size_in_bytes
    )


class Scan:
    def __init__(self, problem, form, unroll, cohort):
        self.cohort = cohort
        operations = problem.operations * cohort
        self.quantum = 50 if operations < 1e9 else 10 if jax.default_backend() == "gpu" and operations < 1e11 else 2
        first, second = jnp.asarray(problem.first()), jnp.asarray(problem.second())
        incident = jnp.asarray(problem.incident())
        incidence = jnp.asarray(problem.incidence(), jnp.float32)
        weights = jnp.asarray(problem.weights()[:, None], jnp.float32)
        targets = jnp.asarray(problem.targets(), jnp.float32)

        def loss(layers):
            theta, xi = layers
            logits = jax.nn.relu(incidence @ theta) @ xi.T
            return -jnp.sum(targets * jax.nn.log_softmax(logits))

        def gradient(layers):
            if form == "grad":
                return jax.grad(loss)(layers)
            theta, xi = layers
            sums = incidence @ theta if form == "gemm" else theta[first] + theta[second]
            hidden = jax.nn.relu(sums)
            logits_gradient = jax.nn.softmax(hidden @ xi.T) * weights - targets
            hidden_gradient = jnp.where(hidden > 0, logits_gradient @ xi, 0)
            theta_gradient = (
                incidence.T @ hidden_gradient if form == "gemm" else hidden_gradient[incident].sum(1)
            )
            return theta_gradient, logits_gradient.T @ hidden

        def step(layers, first_moments, second_moments, count):
            rate = LEARNING_RATE * jnp.minimum(count / WARMUP_STEPS, 1)
            rate1 = rate / -jnp.expm1((count + 1) * np.float32(np.log(BETA1)))
            correction2 = -jnp.expm1((count + 1) * np.float32(np.log(BETA2)))

            def update(weights, gradient, first_moment, second_moment):
                first_moment += (1 - BETA1) * (gradient - first_moment)
                second_moment = BETA2 * second_moment + (1 - BETA2) * gradient * gradient
                scale = jnp.sqrt(second_moment / correction2) + EPSILON
                return (1 - rate * WEIGHT_DECAY) * weights - rate1 * first_moment / scale, first_moment, second_moment

            parts = zip(layers, gradient(layers), first_moments, second_moments)
            return tuple(zip(*(update(*part) for part in parts)))

        def advance(state):
            def body(state, _):
                *arrays, count = state
                return (*together(*arrays, count), count + 1), None

            return lax.scan(body, state, None, length=self.quantum, unroll=unroll)[0]

        def repeated(array):
            return jnp.array(np.broadcast_to(array, (cohort, *array.shape)) if cohort > 1 else array)

        together = jax.vmap(step, in_axes=(0, 0, 0, None)) if cohort > 1 else step
        layers = tuple(repeated(layer) for layer in problem.initial())
        zeros = lambda: tuple(jnp.zeros_like(layer) for layer in layers)
        self.state = (layers, zeros(), zeros(), jnp.zeros((), jnp.float32))
        self.program = jax.jit(advance, donate_argnums=0).lower(self.state).compile()

    def advance(self, steps):
        """`steps` is a multiple of the quantum."""
        for _ in range(steps // self.quantum):
            self.state = self.program(self.state)
        jax.block_until_ready(self.state)

    def parameters(self):
        """Of the last of a cohort, all of which are the same."""
        layers = (np.asarray(layer, np.float64) for layer in self.state[0])
        return np.stack([layer[-1] if self.cohort > 1 else layer for layer in layers])
