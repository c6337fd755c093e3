"""This network in PyTorch, in every way that could be the fastest one somewhere.

A style has `advance(steps)`, which returns when they are done, `parameters()`, [2, p, M] float64 NumPy, and `quantum`: a number of steps
that it makes at its full speed.
"""

import re

import numpy as np
import torch
import torch.nn.functional as functional

from problem import BETA1, BETA2, EPSILON, LEARNING_RATE, WARMUP_STEPS, WEIGHT_DECAY, learning_rate



def styles(device, problem):
    """The quickest to set up first. Those with `tf32` are for information: they compute less exactly."""
    compiles = hasattr(torch, "compile")
    if device == "cpu":
        eager = ["autograd", "hand gemm", "hand gather", "hand shift", "hand gemm fused", "hand shift fused"]
        return eager + (["compile gemm", "compile gather", "autotune gemm"] if compiles else [])
    eager = ["autograd", "graph gemm", "graph shift"]
    if not compiles:
        return eager
    if _wide(problem):
        return [*eager, "compile gather", "graph gemm tf32", "compile gather tf32", "compile gemm"]
    return [*eager, "compile gather", "compile split", "graph gemm tf32", "compile gather tf32", "autotune gather"]


def make(style, problem, device):
    kind, *words = style.split()
    tf32 = "tf32" in words
    if hasattr(torch, "set_float32_matmul_precision"):
        torch.set_float32_matmul_precision("high" if tf32 else "highest")
    words = [word for word in words if word != "tf32"]
    if kind == "autograd":
        return Autograd(problem, device)
    if kind == "hand":
        return Hand(problem, device, words[0], fused="fused" in words)
    if kind == "graph":
        return Graph(problem, device, Hand(problem, device, words[0], fused=True))
    mode = "max-autotune-no-cudagraphs" if kind == "autotune" else "default"
    compiled = Compiled(problem, device, words[0], mode)
    return Graph(problem, device, compiled) if device == "cuda" else compiled


def version():
    return torch.__version__


def device_name(device):
    return torch.cuda.get_device_name() if device == "cuda" else "cpu"


def blas():
    """Who multiplies matrices on a CPU."""
    return re.search(r"BLAS_INFO=(\w+)", torch.__config__.show()).group(1)


def reset_peak_memory():
    torch.cuda.init()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()


def peak_memory(_style):
    """Of the device, bytes."""
    return torch.cuda.max_memory_allocated()


class Autograd:
    """What people write: the loss, its gradient by autograd, the fastest AdamW there is."""

    quantum = 1

    def __init__(self, problem, device):
        self.device = device
        self.incidence = _float(problem.incidence(), device)
        self.labels = torch.as_tensor(problem.labels(), device=device)
        self.weights = _float(problem.weights(), device)
        theta, xi = _float(problem.initial(), device)
        self.layers = [torch.nn.Parameter(theta.clone()), torch.nn.Parameter(xi.clone())]
        options = dict(lr=LEARNING_RATE, betas=(BETA1, BETA2), eps=EPSILON, weight_decay=WEIGHT_DECAY)
        try:
            self.optimizer = torch.optim.AdamW(self.layers, fused=True, **options)
        except (RuntimeError, TypeError):
            self.optimizer = torch.optim.AdamW(self.layers, foreach=True, **options)
        self.step = 0

    def advance(self, steps):
        theta, xi = self.layers
        for _ in range(steps):
            self.optimizer.param_groups[0]["lr"] = learning_rate(self.step)
            self.optimizer.zero_grad(set_to_none=True)
            logits = functional.relu(self.incidence @ theta) @ xi.t()
            losses = functional.cross_entropy(logits, self.labels, reduction="none")
            torch.dot(losses, self.weights).backward()
            self.optimizer.step()
            self.step += 1
        _finish(self.device)

    def parameters(self):
        return _numpy(torch.stack([layer.detach() for layer in self.layers]))


class Hand:
    """The gradient derived by hand, into buffers that are allocated once, and one update of both layers together.

    The sums theta[x] + theta[y] are a matrix product with the incidence matrix (`gemm`), two lookups (`gather`), or theta added to shifted
    copies of itself (`shift`); and the gradient of theta is the same thing backwards.
    """

    quantum = 1

    def __init__(self, problem, device, form, fused):
        p, width, pairs, differences = problem.modulus, problem.width, problem.pairs, problem.differences
        self.device, self.form, self.fused = device, form, fused
        self.modulus, self.differences = p, differences
        self.both = _float(problem.initial(), device)
        self.first_moment, self.second_moment = torch.zeros_like(self.both), torch.zeros_like(self.both)
        self.gradient, self.scale = torch.empty_like(self.both), torch.empty_like(self.both)
        self.theta, self.xi = self.both
        self.hidden = torch.empty(pairs, width, device=device)
        self.logits = torch.empty(pairs, p, device=device)
        self.logits_gradient = torch.empty(pairs, p, device=device)
        self.weights = _float(problem.weights(), device)[:, None]
        self.negative_targets = -_float(problem.targets(), device)
        self.rate = torch.zeros((), device=device)
        self.count = torch.zeros((), device=device)
        self.step = 0
        self.hidden_gradient = None if form == "shift" else torch.empty(pairs, width, device=device)
        if form == "gemm":
            self.incidence = _float(problem.incidence(), device)
        elif form == "gather":
            self.first = torch.as_tensor(problem.first(), device=device)
            self.second = torch.as_tensor(problem.second(), device=device)
        else:
            # Two copies of theta: rows d .. d + p - 1 are theta shifted by d.
            self.doubled = torch.empty(2, p, width, device=device)
            self.shifted = self.doubled.as_strided((differences, p, width), (width, width, 1))
            # Of each difference p rows and as many of zeros as theta is shifted by at most, so that a view with a skewed stride lines
            # the rows up by the second value of their pair.
            rows = p + differences
            padded = torch.zeros(differences * rows * width, device=device)
            self.hidden_gradient = padded.as_strided((differences, p, width), (rows * width, width, 1))
            self.skewed = padded.as_strided((differences, rows - 1, width), ((rows - 1) * width, width, 1))
            self.sums = torch.empty(rows - 1, width, device=device)
        if fused:
            # Fails here where there is none.
            self.update_fused(self.count + 1, self.gradient.zero_())

    def advance(self, steps):
        for _ in range(steps):
            self.one_step()
        _finish(self.device)

    def one_step(self):
        self.compute_gradient()
        if self.fused:
            self.rate.fill_(learning_rate(self.step))
            self.count += 1
            self.update_fused(self.count, self.gradient)
        else:
            self.update()
        self.step += 1

    def captured_step(self, count):
        """With nothing from the host. `count` is a tensor: the number of this update, from 1."""
        self.compute_gradient()
        self.update_fused(count, self.gradient)

    def compute_gradient(self):
        hidden, xi = self.hidden, self.xi
        if self.form == "gemm":
            torch.mm(self.incidence, self.theta, out=hidden)
        elif self.form == "gather":
            torch.index_select(self.theta, 0, self.first, out=hidden)
            hidden += self.theta.index_select(0, self.second)
        else:
            self.doubled[:] = self.theta
            torch.add(self.theta, self.shifted, out=hidden.view(self.differences, self.modulus, -1))
        hidden.clamp_(min=0)
        torch.mm(hidden, xi.t(), out=self.logits)
        torch.softmax(self.logits, 1, out=self.logits)
        torch.addcmul(self.negative_targets, self.logits, self.weights, out=self.logits_gradient)
        torch.mm(self.logits_gradient.t(), hidden, out=self.gradient[1])
        if self.form == "shift":
            self.shift_gradient()
            return
        torch.mm(self.logits_gradient, xi, out=self.hidden_gradient)
        _mask(self.hidden_gradient, hidden)
        if self.form == "gemm":
            torch.mm(self.incidence.t(), self.hidden_gradient, out=self.gradient[0])
        else:
            self.gradient[0].zero_()
            self.gradient[0].index_add_(0, self.first, self.hidden_gradient)
            self.gradient[0].index_add_(0, self.second, self.hidden_gradient)

    def shift_gradient(self):
        p, differences = self.modulus, self.differences
        torch.bmm(
            self.logits_gradient.view(differences, p, p),
            self.xi.expand(differences, -1, -1),
            out=self.hidden_gradient,
        )
        _mask(self.hidden_gradient, self.hidden.view(differences, p, -1))
        torch.sum(self.hidden_gradient, 0, out=self.gradient[0])
        torch.sum(self.skewed, 0, out=self.sums)
        self.gradient[0] += self.sums[:p]
        self.gradient[0][: self.sums.shape[0] - p] += self.sums[p:]

    def update(self):
        correction = (1 - BETA2 ** (self.step + 1)) ** 0.5
        rate = learning_rate(self.step) / (1 - BETA1 ** (self.step + 1))
        if WEIGHT_DECAY:
            self.both.mul_(1 - learning_rate(self.step) * WEIGHT_DECAY)
        self.first_moment.lerp_(self.gradient, 1 - BETA1)
        self.second_moment.mul_(BETA2).addcmul_(self.gradient, self.gradient, value=1 - BETA2)
        torch.sqrt(self.second_moment, out=self.scale)
        self.scale += EPSILON * correction
        self.both.addcdiv_(self.first_moment, self.scale, value=-rate * correction)

    def update_fused(self, count, gradient):
        torch._fused_adamw_(
            [self.both],
            [gradient],
            [self.first_moment],
            [self.second_moment],
            [],
            [count],
            lr=self.rate,
            beta1=BETA1,
            beta2=BETA2,
            weight_decay=WEIGHT_DECAY,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def parameters(self):
        return _numpy(self.both)


class Compiled:
    """The whole step as one function for torch.compile, written so that all between the matrix products can be fused.

    The gradient of theta is a sum over the p + 1 pairs of each value, looked up (`gather`, `split`), or a matrix product (`gemm`). In
    `split` the long sum over the neurons is cut into parts that run side by side, for a device that one small product does not fill.
    """

    quantum = 1

    def __init__(self, problem, device, form, mode):
        self.device = device
        self.theta, self.xi = (layer.contiguous() for layer in _float(problem.initial(), device).clone())
        self.moments = [torch.zeros_like(self.theta) for _ in range(4)]
        self.rate = torch.zeros((), device=device)
        self.count = torch.zeros((), device=device)
        self.step = 0
        weights = _float(problem.weights(), device)[:, None]
        targets = _float(problem.targets(), device)
        incidence = _float(problem.incidence(), device)
        first = torch.as_tensor(problem.first(), device=device)
        second = torch.as_tensor(problem.second(), device=device)
        incident = torch.as_tensor(problem.incident(), device=device)
        parts = 8
        if form == "split" and problem.width % parts:
            raise ValueError(f"M must be a multiple of {parts}")

        def step(theta, xi, theta_first, theta_second, xi_first, xi_second, rate, count):
            sums = incidence @ theta if form == "gemm" else theta[first] + theta[second]
            hidden = torch.relu(sums)
            if form == "split":
                rows = hidden.view(hidden.shape[0], parts, -1).transpose(0, 1)
                columns = xi.view(xi.shape[0], parts, -1).permute(1, 2, 0)
                logits = torch.bmm(rows, columns).sum(0)
            else:
                logits = hidden @ xi.t()
            logits_gradient = torch.softmax(logits, 1) * weights - targets
            xi_gradient = logits_gradient.t() @ hidden
            hidden_gradient = torch.where(hidden > 0, logits_gradient @ xi, 0.0)
            if form == "gemm":
                theta_gradient = incidence.t() @ hidden_gradient
            else:
                theta_gradient = hidden_gradient[incident].sum(1)
            _adamw(theta, theta_gradient, theta_first, theta_second, rate, count)
            _adamw(xi, xi_gradient, xi_first, xi_second, rate, count)

        # All shapes and forms share one cache, which is small.
        torch._dynamo.reset()
        self.compiled = torch.compile(step, mode=mode, fullgraph=True, dynamic=False)
        self.captured_step(self.count + 1)
        self.theta.copy_(_float(problem.initial()[0], device))
        self.xi.copy_(_float(problem.initial()[1], device))
        for moment in self.moments:
            moment.zero_()

    def captured_step(self, count):
        self.compiled(self.theta, self.xi, *self.moments, self.rate, count)

    def advance(self, steps):
        for _ in range(steps):
            self.rate.fill_(learning_rate(self.step))
            self.count += 1
            self.captured_step(self.count)
            self.step += 1
        _finish(self.device)

    def parameters(self):
        return _numpy(torch.stack([self.theta, self.xi]))


class Graph:
    """Many steps of another style in one CUDA graph: the host says one thing to the device for all of them."""

    def __init__(self, problem, device, inner):
        self.inner = inner
        self.step = 0
        self.quantum = 10 if _wide(problem) else 50
        # Numbers of the updates that the graph makes, far enough apart to be aligned like tensors of their own.
        self.counts = torch.zeros(self.quantum, 64, device=device)
        inner.rate.zero_()
        saved = [tensor.clone() for tensor in self.state()]
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                inner.captured_step(self.counts[0, 0])
        torch.cuda.current_stream().wait_stream(stream)
        self.one = self.capture(1)
        self.many = self.capture(self.quantum)
        for tensor, value in zip(self.state(), saved):
            tensor.copy_(value)
        self.counts[:] = torch.arange(1, self.quantum + 1, device=device)[:, None]
        torch.cuda.synchronize()

    def state(self):
        inner = self.inner
        if isinstance(inner, Hand):
            return [inner.both, inner.first_moment, inner.second_moment]
        return [inner.theta, inner.xi, *inner.moments]

    def capture(self, steps):
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            for step in range(steps):
                self.inner.captured_step(self.counts[step, 0])
            self.counts += steps
        return graph

    def advance(self, steps):
        end = self.step + steps
        while self.step < end:
            # The learning rate is constant after the warm-up, and up to there it is set by the host.
            if self.step <= WARMUP_STEPS:
                self.inner.rate.fill_(learning_rate(self.step))
            if self.step < WARMUP_STEPS or end - self.step < self.quantum:
                self.one.replay()
                self.step += 1
            else:
                self.many.replay()
                self.step += self.quantum
        torch.cuda.synchronize()

    def parameters(self):
        return self.inner.parameters()


def _wide(problem):
    """Whether matrix products take most of the time on a GPU."""
    return problem.operations > 1e9


def _adamw(weights, gradient, first_moment, second_moment, rate, count):
    first_moment.lerp_(gradient, 1 - BETA1)
    second_moment.mul_(BETA2).add_((1 - BETA2) * gradient * gradient)
    # beta^count = exp(count log beta); 1 - that, without cancellation.
    correction1 = -torch.expm1(count * float(np.log(BETA1)))
    correction2 = -torch.expm1(count * float(np.log(BETA2)))
    if WEIGHT_DECAY:
        weights.mul_(1 - rate * WEIGHT_DECAY)
    weights.sub_(rate / correction1 * first_moment / (torch.sqrt(second_moment / correction2) + EPSILON))


def _mask(gradient, hidden):
    """In place: 0 where the neuron is off."""
    torch.ops.aten.threshold_backward.grad_input(gradient, hidden, 0, grad_input=gradient)


def _float(array, device):
    return torch.as_tensor(np.ascontiguousarray(array), dtype=torch.float32).clone().to(device)


def _numpy(tensor):
    return tensor.detach().cpu().double().numpy()


def _finish(device):
    if device == "cuda":
        torch.cuda.synchronize()
