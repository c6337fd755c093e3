"""What a background run is to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Union

from ._filled import filled
from ._generated.v1 import run_pb2
from .points import enum_name, enum_value, optional


@dataclass(frozen=True)
class Threshold:
    """Made by ``at_least`` and ``at_most``."""

    measure: str
    comparison: str
    """at_least or at_most."""
    value: float
    for_recorded: int | None = None
    """Recorded steps in a row on which it must hold; None for 1."""


@dataclass(frozen=True)
class Plateau:
    """Nothing moves any more: over the window every loss and every accuracy changed by less than this."""

    window_steps: int | None = None
    loss_delta: float | None = None
    accuracy_delta: float | None = None


StopCondition = Union[Threshold, Plateau]


@dataclass(frozen=True)
class RunPlan:
    until_step: int | None
    """Stop at this step. None: only a condition or a pause stops the run."""
    stop_when: tuple[StopCondition, ...]
    snapshot_at: tuple[int, ...]
    record_every: int | None
    record_at: tuple[int, ...]


def at_least(measure: str, value: float, for_recorded: int | None = None) -> Threshold:
    """True once a measure, e.g. ``test_accuracy``, is at least this on so many recorded steps in a row."""
    return Threshold(measure, "at_least", value, for_recorded)


def at_most(measure: str, value: float, for_recorded: int | None = None) -> Threshold:
    """True once a measure, e.g. ``train_loss``, is at most this on so many recorded steps in a row."""
    return Threshold(measure, "at_most", value, for_recorded)


def to_plan(
    until_step: int | None,
    stop_when: StopCondition | Iterable[StopCondition],
    snapshot_at: Iterable[int],
    record_every: int | None,
    record_at: Iterable[int],
) -> run_pb2.RunPlan:
    conditions = [stop_when] if isinstance(stop_when, (Threshold, Plateau)) else list(stop_when)
    return filled(
        run_pb2.RunPlan,
        until_step=until_step,
        stop_when=[_to_condition(each) for each in conditions],
        snapshot_at=list(snapshot_at),
        record_every=record_every,
        record_at=list(record_at),
    )


def _to_condition(condition: StopCondition) -> run_pb2.StopCondition:
    if isinstance(condition, Plateau):
        plateau = filled(
            run_pb2.Plateau,
            window_steps=condition.window_steps,
            loss_delta=condition.loss_delta,
            accuracy_delta=condition.accuracy_delta,
        )
        return run_pb2.StopCondition(plateau=plateau)
    return run_pb2.StopCondition(threshold=to_threshold(condition))


def to_threshold(threshold: Threshold) -> run_pb2.Threshold:
    return filled(
        run_pb2.Threshold,
        measure=enum_value(run_pb2.Measure, threshold.measure, "MEASURE_", "measure"),
        comparison=enum_value(run_pb2.Comparison, threshold.comparison, "COMPARISON_", "comparison"),
        value=threshold.value,
        for_recorded=threshold.for_recorded,
    )


def from_plan(message: run_pb2.RunPlan) -> RunPlan:
    return RunPlan(
        until_step=optional(message, "until_step"),
        stop_when=tuple(_from_condition(each) for each in message.stop_when),
        snapshot_at=tuple(message.snapshot_at),
        record_every=optional(message, "record_every"),
        record_at=tuple(message.record_at),
    )


def _from_condition(message: Any) -> StopCondition:
    if message.HasField("plateau"):
        fields = ("window_steps", "loss_delta", "accuracy_delta")
        return Plateau(**{field: optional(message.plateau, field) for field in fields})
    return from_threshold(message.threshold)


def from_threshold(message: Any) -> Threshold:
    return Threshold(
        measure=enum_name(run_pb2.Measure, message.measure, "MEASURE_"),
        comparison=enum_name(run_pb2.Comparison, message.comparison, "COMPARISON_"),
        value=message.value,
        for_recorded=optional(message, "for_recorded"),
    )
