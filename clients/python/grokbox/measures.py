"""What a session measures while it trains, and how often."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Union

from ._filled import filled
from ._generated.v1 import run_pb2
from .points import enum_name, enum_value, optional


@dataclass(frozen=True)
class ScheduledMeasure:
    """How often points of a session carry a measure."""

    measure: str
    """An extra one, such as ``magnitude_drift``: a field of ``ExtraMeasures``, which no point carries otherwise. Or ``ipr`` or
    ``mean_abs_sin_misalignment``, which every point carries otherwise."""
    every: int | None = None
    """Carried by the recorded points whose step is a multiple of this, 1 to 1,000,000; None for the session's record_every."""


MeasureInput = Union[str, ScheduledMeasure]


def to_measures(measures: Iterable[MeasureInput] | None) -> run_pb2.MeasureSchedule | None:
    if measures is None:
        return None
    whole = [ScheduledMeasure(each) if isinstance(each, str) else each for each in measures]
    return run_pb2.MeasureSchedule(
        measures=[
            filled(
                run_pb2.ScheduledMeasure,
                measure=enum_value(run_pb2.Measure, each.measure, "MEASURE_", "measure"),
                every=each.every,
            )
            for each in whole
        ]
    )


def from_measures(message: Any) -> tuple[ScheduledMeasure, ...]:
    return tuple(
        ScheduledMeasure(enum_name(run_pb2.Measure, each.measure, "MEASURE_"), optional(each, "every"))
        for each in message.measures
    )
