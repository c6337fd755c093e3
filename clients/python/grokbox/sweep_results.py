"""Finished runs of a sweep as one array, a row a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from .sweep_infos import SweepRun
from .sweep_options import NAMED

_STEPS = ("memorization_end", "generalization_end", "grokking_step")

_MEASURES: dict[str, Callable[[Any], float | None]] = {
    "train_loss": lambda point: point.train_loss,
    "test_loss": lambda point: point.test_loss,
    "train_accuracy": lambda point: point.train_accuracy,
    "test_accuracy": lambda point: point.test_accuracy,
    "common_accuracy": lambda point: point.accuracy.common,
    "rare_accuracy": lambda point: point.accuracy.rare,
    "partner_accuracy": lambda point: point.accuracy.partner,
    "held_out_accuracy": lambda point: point.accuracy.held_out,
    "ipr": lambda point: point.ipr,
    "mean_abs_sin_misalignment": lambda point: point.mean_abs_sin_misalignment,
    "parameter_norm": lambda point: point.parameter_norm,
    "gradient_norm": lambda point: point.gradient_norm,
}


def to_array(runs: Iterable[SweepRun], axes: Iterable[str]) -> np.ndarray:
    """Structured, [runs], in the order of the runs' numbers; columns as in the files of ``grokbox sweep --out``. What a run
    doesn't have is NaN, or an empty text."""
    rows = sorted(runs, key=lambda run: run.run)
    columns = {name: np.array([getattr(run, name) for run in rows], np.int64) for name in ("run", "group", "seed")}
    for axis in axes:
        values = [run.coordinates[axis] for run in rows]
        columns[axis] = _texts(values) if axis in NAMED else _numbers(values)
    columns["outcome"] = _texts(run.outcome for run in rows)
    columns["step"] = np.array([run.step for run in rows], np.int64)
    for name in _STEPS:
        columns[name] = _numbers(getattr(run, name) for run in rows)
    for name, measure in _MEASURES.items():
        columns[name] = _numbers(None if run.final is None else measure(run.final) for run in rows)
    columns["forecast_right"] = _numbers(run.forecast_right for run in rows)
    columns["session"] = _texts(run.session or "" for run in rows)
    columns["detail"] = _texts(run.detail for run in rows)
    table = np.empty(len(rows), [(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        table[name] = column
    return table


def _numbers(values: Iterable[Any]) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], np.float64)


def _texts(values: Iterable[Any]) -> np.ndarray:
    return np.array([str(value) for value in values], np.str_)
