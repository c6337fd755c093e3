"""What determines a run. Fields that are None when a session is started take the preset's value; in answers none is None."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Union

from ._filled import filled
from ._generated.v1 import retention_pb2, spec_pb2
from .errors import bad_answer
from .points import enum_name, enum_value, optional


@dataclass(frozen=True)
class Embedding:
    """A learned embedding: theta = W_in W_E, and the optimizer updates W_E, W_in and xi."""

    dimension: int | None = None
    """d: W_E is [d, p], W_in [M, d]. None when a session is started: 128."""


@dataclass(frozen=True)
class Grokfast:
    """The slow part of the gradient amplified: mu = alpha mu + (1 - alpha) g, then g + lambda mu in place of g (Lee et al., 2024)."""

    alpha: float | None = None
    """At least 0, less than 1. None when a session is started: 0.98."""
    lambda_: float | None = None
    """At most 1000; 0 takes Grokfast out again, of a fork say. None when a session is started: 2."""


@dataclass(frozen=True)
class RandomInit:
    """PyTorch's randn, scale / sqrt(p); with a learned embedding scale / sqrt(d), and 1 / sqrt(d) for W_E."""

    scale: float | None = None


@dataclass(frozen=True)
class SingleFrequencyInit:
    """One frequency a neuron, shared by both layers."""

    scale: float | None = None


@dataclass(frozen=True)
class UploadedInit:
    """Weights from outside. Only in answers."""


@dataclass(frozen=True)
class AdamW:
    """Adam with decoupled weight decay."""

    learning_rate: float | None = None
    weight_decay: float | None = None
    beta1: float | None = None
    beta2: float | None = None
    epsilon: float | None = None
    grokfast: Grokfast | None = None
    """None, also in answers: the gradient as it is."""


@dataclass(frozen=True)
class Sgd:
    """Plain gradient descent, full batch."""

    learning_rate: float | None = None
    weight_decay: float | None = None
    grokfast: Grokfast | None = None
    """None, also in answers: the gradient as it is."""


@dataclass(frozen=True)
class TorchSplit:
    """The first floor(fraction p^2) pairs of torch.randperm train."""

    fraction: float | None = None


@dataclass(frozen=True)
class PythonSplit:
    """The first floor(fraction p^2) pairs of Python's random.shuffle train."""

    fraction: float | None = None


@dataclass(frozen=True)
class ExplicitSplit:
    """These pairs train: x p + y, strictly increasing."""

    train_pairs: Sequence[int]


Init = Union[RandomInit, SingleFrequencyInit, UploadedInit]
Optimizer = Union[AdamW, Sgd]
Split = Union[TorchSplit, PythonSplit, ExplicitSplit]

_INITS = {"random": RandomInit, "single_frequency": SingleFrequencyInit, "uploaded": UploadedInit}
_OPTIMIZERS = {"adamw": AdamW, "sgd": Sgd}
_SPLITS = {"torch": TorchSplit, "python": PythonSplit, "explicit": ExplicitSplit}

_OPTIMIZER_OF_PRESET = {
    "": AdamW,
    "standard": AdamW,
    "grokking": AdamW,
    "quad_random": AdamW,
    "quad_random_sgd": Sgd,
    "relu_random_sgd": Sgd,
    "quad_single_freq": Sgd,
    "relu_single_freq": Sgd,
}
"""A learning rate is sent as one of a certain optimizer; the wrong one would replace the preset's."""


TASKS = {"quadratic_form": "x^2+xy+y^2"}
"""Tasks whose name here is not that of a grid, the command line and the TypeScript SDK. Either is taken."""


@dataclass(frozen=True)
class Spec:
    """Everything that determines a run."""

    modulus: int
    """p, odd, 3 to 199."""
    width: int
    """M, hidden neurons."""
    activation: str
    """The present one."""
    task: str
    """add, subtract or quadratic_form, whichever name it was given by."""
    init: Init
    optimizer: Optimizer
    warmup_steps: int
    split: Split
    seed: int
    embedding: Embedding | None = None
    """None: theta itself is trained, which is a one-hot embedding."""


@dataclass(frozen=True)
class Changes:
    """What a fork does differently from the session that it comes from; None for what is as there."""

    activation: str | None = None
    optimizer: Optimizer | None = None
    warmup_steps: int | None = None
    split: Split | None = None
    remove_frequencies: Sequence[int] | None = None
    """Frequencies, 1 to (p - 1) / 2, that are taken out of both layers."""
    keep_frequencies: Sequence[int] | None = None
    """All others are taken out of both layers."""


def task_name(name: Any) -> Any:
    """A task by its name here; anything else as it is."""
    return next((here for here, there in TASKS.items() if there == name), name)


def to_spec(
    preset: str,
    *,
    modulus: int | None,
    width: int | None,
    activation: str | None,
    task: str | None,
    init: Init | None,
    optimizer: Optimizer | None,
    learning_rate: float | None,
    weight_decay: float | None,
    warmup_steps: int | None,
    split: Split | None,
    seed: int | None,
    embedding: Embedding | None,
    grokfast: Grokfast | None,
) -> spec_pb2.Spec:
    spec = filled(spec_pb2.Spec, modulus=modulus, width=width, activation=activation, seed=seed)
    if embedding is not None:
        spec.embedding.CopyFrom(filled(spec_pb2.Embedding, dimension=embedding.dimension))
    if task is not None:
        spec.task = enum_value(spec_pb2.Task, task_name(task), "TASK_", "task")
    if warmup_steps is not None:
        spec.schedule.CopyFrom(filled(spec_pb2.Schedule, warmup_steps=warmup_steps))
    if optimizer is None and not (learning_rate is weight_decay is grokfast is None):
        if preset not in _OPTIMIZER_OF_PRESET:
            raise ValueError(f"optimizer must be given: the preset {preset!r} is not known here")
        optimizer = _OPTIMIZER_OF_PRESET[preset]()
    _set_optimizer(spec.optimizer, optimizer, learning_rate, weight_decay, grokfast)
    _set(spec.init, _INITS, init)
    _set(spec.split, _SPLITS, split)
    return spec


def to_changes(
    here: Optimizer,
    *,
    activation: str | None,
    optimizer: Optimizer | None,
    learning_rate: float | None,
    weight_decay: float | None,
    grokfast: Grokfast | None,
    warmup_steps: int | None,
    split: Split | None,
    remove_frequencies: Sequence[int] | None,
    keep_frequencies: Sequence[int] | None,
) -> retention_pb2.Changes | None:
    """``here``: the source's optimizer, whose kind a learning rate, a weight decay or Grokfast alone leaves as it is."""
    spec = filled(spec_pb2.Spec, activation=activation)
    if warmup_steps is not None:
        spec.schedule.CopyFrom(filled(spec_pb2.Schedule, warmup_steps=warmup_steps))
    if optimizer is None and not (learning_rate is weight_decay is grokfast is None):
        optimizer = type(here)()
    _set_optimizer(spec.optimizer, optimizer, learning_rate, weight_decay, grokfast)
    _set(spec.split, _SPLITS, split)
    changes = filled(
        retention_pb2.Changes,
        remove_frequencies=_frequencies("remove_frequencies", remove_frequencies),
        keep_frequencies=_frequencies("keep_frequencies", keep_frequencies),
    )
    if spec.ByteSize() > 0:
        changes.spec.CopyFrom(spec)
    return changes if changes.ByteSize() > 0 else None


def from_changes(message: retention_pb2.Changes) -> Changes:
    spec = message.spec
    return Changes(
        activation=optional(spec, "activation"),
        optimizer=_get_part(spec.optimizer, _OPTIMIZERS),
        warmup_steps=optional(spec.schedule, "warmup_steps"),
        split=_get_part(spec.split, _SPLITS),
        remove_frequencies=tuple(message.remove_frequencies) or None,
        keep_frequencies=tuple(message.keep_frequencies) or None,
    )


def from_spec(message: spec_pb2.Spec) -> Spec:
    return Spec(
        modulus=message.modulus,
        width=message.width,
        activation=message.activation,
        task=enum_name(spec_pb2.Task, message.task, "TASK_"),
        init=_get(message.init, _INITS),
        optimizer=_get(message.optimizer, _OPTIMIZERS),
        warmup_steps=message.schedule.warmup_steps,
        split=_get(message.split, _SPLITS),
        seed=message.seed,
        embedding=Embedding(message.embedding.dimension) if message.HasField("embedding") else None,
    )


def _frequencies(name: str, frequencies: Sequence[int] | None) -> list[int]:
    """An empty list to keep would be sent as no list, and so keep everything."""
    whole = [] if frequencies is None else list(frequencies)
    if frequencies is not None and not whole:
        raise ValueError(f"{name} must not be an empty list")
    return whole


def _set(message: Any, kinds: dict[str, type], value: Any, **overrides: Any) -> None:
    """Fills in the one of a message that ``value`` is, by the names that both sides share."""
    if value is None:
        return
    kind = next((name for name, each in kinds.items() if type(value) is each), None)
    if kind is None:
        raise TypeError(f"must be one of {', '.join(each.__name__ for each in kinds.values())}; got {value!r}")
    fields = {**asdict(value), **{name: each for name, each in overrides.items() if each is not None}}
    part = getattr(message, kind)
    part.SetInParent()
    part.MergeFrom(filled(type(part), **fields))


def _set_optimizer(
    message: spec_pb2.Optimizer,
    optimizer: Optimizer | None,
    learning_rate: float | None,
    weight_decay: float | None,
    grokfast: Grokfast | None,
) -> None:
    amplified = grokfast or (optimizer.grokfast if isinstance(optimizer, (AdamW, Sgd)) else None)
    # The name is a keyword of Python's.
    filter_ = None if amplified is None else {"alpha": amplified.alpha, "lambda": amplified.lambda_}
    _set(
        message,
        _OPTIMIZERS,
        optimizer,
        learning_rate=learning_rate,
        weight_decay=weight_decay,
        grokfast=None if filter_ is None else filled(spec_pb2.Grokfast, **filter_),
    )


def _grokfast(part: Any) -> dict[str, Grokfast | None]:
    """Of an optimizer's message; nothing for other messages."""
    if "grokfast" not in part.DESCRIPTOR.fields_by_name:
        return {}
    found = part.grokfast
    values = Grokfast(optional(found, "alpha"), optional(found, "lambda"))
    return {"grokfast": values if part.HasField("grokfast") else None}


def _get(message: Any, kinds: dict[str, type]) -> Any:
    name = message.WhichOneof("kind")
    if name not in kinds:
        raise bad_answer(f"the server sent a spec without a known {type(message).__name__}")
    part = getattr(message, name)
    fields = {each.name: getattr(part, each.name) for each in part.DESCRIPTOR.fields}
    if name == "explicit":
        fields = {"train_pairs": tuple(part.train_pairs)}
    return kinds[name](**{**fields, **_grokfast(part)})


def _get_part(message: Any, kinds: dict[str, type]) -> Any:
    """The same of a message that may say less: None for what it doesn't say."""
    name = message.WhichOneof("kind")
    if name not in kinds:
        return None
    part = getattr(message, name)
    if name == "explicit":
        return ExplicitSplit(tuple(part.train_pairs))
    fields = {each.name: optional(part, each.name) for each in part.DESCRIPTOR.fields}
    return kinds[name](**{**fields, **_grokfast(part)})
