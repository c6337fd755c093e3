"""What a sweep is to do, as people write it."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ._filled import filled
from ._generated.v1 import run_pb2, sweep_pb2
from .points import enum_value
from .specs import TASKS, to_spec

NAMED = ("activation", "task")
"""Swept parameters whose values are names; the others' are numbers."""

_SPEC_FIELDS = tuple(inspect.signature(to_spec).parameters)


def to_definition(
    cells: Mapping[str, Any] | Sequence[Mapping[str, Any]],
    grid: Mapping[str, Iterable[Any]],
    seeds: Iterable[int],
    plan: run_pb2.RunPlan,
) -> sweep_pb2.SweepDefinition:
    definition = filled(sweep_pb2.SweepDefinition, seeds=[int(seed) for seed in seeds], plan=plan)
    if isinstance(cells, Mapping):
        definition.grid.preset = cells.get("preset", "")
        definition.grid.base.CopyFrom(_spec(cells, "cells"))
        definition.grid.axes.extend(_axis(name, values) for name, values in grid.items())
        return definition
    if grid:
        raise ValueError(f"{next(iter(grid))} can't be swept over a list of cells; let each of them say it")
    definition.list.specs.extend(
        sweep_pb2.SweepSpec(preset=cell.get("preset", ""), spec=_spec(cell, f"cells[{i}]"))
        for i, cell in enumerate(cells)
    )
    return definition


def _spec(cell: Mapping[str, Any], where: str) -> Any:
    known = [name for name in _SPEC_FIELDS if name != "seed"]
    for name in cell:
        if name not in known:
            raise ValueError(f"{where}[{name!r}] is none of {', '.join(known)}")
    return to_spec(**{**dict.fromkeys(_SPEC_FIELDS), "preset": "", **cell})


def _axis(name: str, values: Iterable[Any]) -> sweep_pb2.SweepAxis:
    if isinstance(values, (str, int, float)):
        raise ValueError(f"{name} must be a list of values to sweep; got {values!r}. What all cells share goes into cells")
    axis = sweep_pb2.SweepAxis(
        parameter=enum_value(sweep_pb2.SweepParameter, name, "SWEEP_PARAMETER_", "what is swept")
    )
    if name in NAMED:
        axis.names.extend(TASKS.get(each, each) for each in values)
    else:
        axis.values.extend(values)
    return axis
