"""Sweeps and their runs as they were when the server last told of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from ._generated.v1 import run_pb2, sweep_pb2
from .errors import FieldViolation
from .plans import RunPlan, from_plan
from .points import ProgressPoint, enum_name, from_point, optional, time_of
from .specs import task_name


@dataclass(frozen=True)
class SweepDefinition:
    """What a sweep was asked to do, but for what its specs have in common."""

    axes: dict[str, tuple[float | str, ...]]
    """Of a grid: values by parameter, the last one's varying fastest. Empty for a list of cells."""
    seeds: tuple[int, ...]
    plan: RunPlan
    max_parallel: int
    keep_sessions: bool
    refuse_invalid: bool


@dataclass(frozen=True)
class SweepInfo:
    name: str
    """sweeps/{id}"""
    title: str
    labels: dict[str, str]
    state: str
    """running, paused, finished or cancelled."""
    create_time: datetime
    runs: int
    """All of them: groups times seeds."""
    groups: int
    """Groups of runs that differ only in their seed."""
    done: int
    """Runs that have finished."""
    finished: dict[str, int]
    """How many of them, by how they ended: target, condition, diverged, failed, invalid."""
    sessions: tuple[str, ...]
    """Names of the sessions of runs under way."""
    steps: int
    """Updates made so far, by all runs together."""
    until_step: int
    """Updates that a run makes at most."""
    steps_per_second: float
    """Over the last minute at most; 0 when it isn't running or nothing is known yet."""
    seconds_left: float | None
    """An estimate; None when it isn't running or nothing is known yet."""
    waits_for: str
    """Why no further run can begin at the moment; empty when all is well."""
    newest_sequence: int
    """Sequence of the run that finished last; 0 when none has."""
    invalid_groups: int
    """Groups whose runs can't begin; they end as invalid when it is their turn."""
    invalid_values: tuple[FieldViolation, ...]
    """What is wrong with them, each wrong value once, at most 20. Empty in lists and where the sweep was watched."""
    definition: SweepDefinition | None
    """None in lists and where the sweep was watched."""


@dataclass(frozen=True)
class SweepRun:
    """A finished run: one spec with one seed."""

    run: int
    """From 0: group times seeds plus the position of its seed."""
    sequence: int
    """Position in the order in which runs finish, increasing, from 1."""
    group: int
    """From 0; its runs differ only in their seed."""
    seed: int
    coordinates: dict[str, float | str]
    """Its value of each swept parameter."""
    outcome: str
    """target (it made all its updates), condition, diverged, failed or invalid."""
    detail: str
    """Why it ended, for people."""
    step: int
    """Updates made."""
    memorization_end: int | None
    """First step from which train accuracy stays 1."""
    generalization_end: int | None
    """Step of the parameter norm's maximum after that."""
    grokking_step: int | None
    """First recorded step from which test accuracy stays at 0.99 or more."""
    final: ProgressPoint | None
    """The measures of its last state, without a sequence; None when it never began."""
    forecast_right: float | None
    """Share of neurons, 0 to 1, whose frequency at the end was forecast from the weights of step 0; None when it never began."""
    session: str | None
    """Its session, where they are kept."""
    finish_time: datetime


@dataclass(frozen=True)
class Band:
    """One measure over time, over the runs of a group that got there: half of them lie between the quartiles. All [steps]."""

    steps: np.ndarray
    """int64, increasing."""
    runs: np.ndarray
    """int64: runs that got to the step and have the measure, 1 or more."""
    median: np.ndarray
    """float64."""
    lower_quartile: np.ndarray
    upper_quartile: np.ndarray


@dataclass(frozen=True)
class SweepBands:
    """The measures of the four progress panels over time, over the finished runs that differ only in their seed."""

    group: int
    coordinates: dict[str, float | str]
    runs: int
    """Finished runs that they are of."""
    measures: dict[str, Band]
    """By measure; one that no run has is absent."""


def from_sweep(message: Any) -> SweepInfo:
    finished = {field.name: getattr(message.finished, field.name) for field in message.finished.DESCRIPTOR.fields}
    return SweepInfo(
        name=message.name,
        title=message.title,
        labels=dict(message.labels),
        state=enum_name(sweep_pb2.SweepState, message.state, "SWEEP_STATE_"),
        create_time=time_of(message.create_time),
        runs=message.runs,
        groups=message.groups,
        done=sum(finished.values()),
        finished=finished,
        sessions=tuple(message.sessions),
        steps=message.steps,
        until_step=message.until_step,
        steps_per_second=message.steps_per_second,
        seconds_left=optional(message, "seconds_left"),
        waits_for=message.waits_for,
        newest_sequence=message.newest_sequence,
        invalid_groups=message.invalid_groups,
        invalid_values=tuple(FieldViolation(each.field, each.description) for each in message.invalid_values),
        definition=_from_definition(message.definition) if message.HasField("definition") else None,
    )


def _from_definition(message: Any) -> SweepDefinition:
    return SweepDefinition(
        axes={
            _parameter(axis.parameter): tuple(task_name(each) for each in axis.names) or tuple(axis.values)
            for axis in message.grid.axes
        },
        seeds=tuple(message.seeds),
        plan=from_plan(message.plan),
        max_parallel=message.max_parallel,
        keep_sessions=message.keep_sessions,
        refuse_invalid=message.refuse_invalid,
    )


def from_sweep_run(message: Any) -> SweepRun:
    return SweepRun(
        run=message.run,
        sequence=message.sequence,
        group=message.group,
        seed=message.seed,
        coordinates=_coordinates(message.coordinates),
        outcome=enum_name(sweep_pb2.SweepOutcome, message.outcome, "SWEEP_OUTCOME_"),
        detail=message.detail,
        step=message.step,
        memorization_end=optional(message, "memorization_end"),
        generalization_end=optional(message, "generalization_end"),
        grokking_step=optional(message, "grokking_step"),
        final=from_point(message.final) if message.HasField("final") else None,
        forecast_right=optional(message, "forecast_right"),
        session=message.session or None,
        finish_time=time_of(message.finish_time),
    )


def from_bands(message: Any) -> SweepBands:
    return SweepBands(
        group=message.group,
        coordinates=_coordinates(message.coordinates),
        runs=message.runs,
        measures={enum_name(run_pb2.Measure, band.measure, "MEASURE_"): _band(band.points) for band in message.bands},
    )


def _band(points: Any) -> Band:
    def column(name: str, dtype: type) -> np.ndarray:
        return np.array([getattr(point, name) for point in points], dtype)

    return Band(
        steps=column("step", np.int64),
        runs=column("runs", np.int64),
        median=column("median", np.float64),
        lower_quartile=column("lower_quartile", np.float64),
        upper_quartile=column("upper_quartile", np.float64),
    )


def _coordinates(messages: Iterable[Any]) -> dict[str, float | str]:
    return {_parameter(each.parameter): task_name(getattr(each, each.WhichOneof("value"))) for each in messages}


def _parameter(value: int) -> str:
    return enum_name(sweep_pb2.SweepParameter, value, "SWEEP_PARAMETER_")
