"""Handles of sweeps: many runs as one job."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ._connection import LONG_DEADLINE, Connection
from ._filled import filled
from ._generated.v1 import sweep_pb2
from .sweep_infos import SweepBands, SweepInfo, SweepRun, from_bands, from_sweep, from_sweep_run
from .sweep_results import to_array
from .sweep_watching import SweepEvent, watch

_PAGE = 1_000
"""Runs an answer."""


class Sweep:
    """A handle of a sweep on the server, which goes on whether anybody holds it or not. Letting go of it stops nothing: pausing,
    cancelling and deleting are explicit calls. ``deadline`` is in seconds, for the whole call with all its retries."""

    def __init__(self, connection: Connection, info: SweepInfo) -> None:
        """Made by ``Grokbox``, not by scripts."""
        self._connection = connection
        self.info = info
        """The sweep as this handle last heard of it."""

    def __repr__(self) -> str:
        return f"<{self.name}: {self.info.state}, {self.info.done} of {self.info.runs} runs have finished>"

    @property
    def name(self) -> str:
        """sweeps/{id}"""
        return self.info.name

    def refresh(self, *, deadline: float | None = None) -> SweepInfo:
        """Asks the server for the sweep as it is now."""
        box = self._connection
        request = sweep_pb2.GetSweepRequest(name=self.name)
        return self._learn(box.read(box.sweeps.GetSweep, request, box.deadline(deadline)).sweep)

    def __iter__(self) -> Iterator[SweepRun]:
        """Every finished run, those that have finished already and those to come, until the sweep has ended."""
        return (event for event in self.watch() if isinstance(event, SweepRun))

    def watch(self, from_sequence: int = 1) -> Iterator[SweepEvent]:
        """The same from a sequence on, and how the sweep goes in between (``SweepInfo``, every second and more often while
        runs finish). A lost connection is taken up again after the last run; while the sweep is paused it waits."""
        for event in watch(self._connection, self.name, from_sequence):
            if isinstance(event, SweepInfo):
                known = self.info
                self.info = replace(event, definition=known.definition, invalid_values=known.invalid_values)
            yield event

    def wait(self) -> SweepInfo:
        """The sweep once it has finished or was cancelled: ``state`` tells which."""
        for _ in self.watch(self.info.newest_sequence + 1):
            pass
        return self.info

    def summaries(self, from_sequence: int = 1, *, deadline: float | None = None) -> Iterator[SweepRun]:
        """The runs that have finished by now, in the order in which they finished. ``deadline`` is for each page."""
        box = self._connection
        request = filled(sweep_pb2.ListSweepRunsRequest, name=self.name, from_sequence=from_sequence, page_size=_PAGE)
        while True:
            page = box.read(box.sweeps.ListSweepRuns, request, box.deadline(deadline))
            yield from map(from_sweep_run, page.runs)
            request.from_sequence = page.next_sequence
            if not request.from_sequence:
                return

    def results(self, *, deadline: float | None = None) -> np.ndarray:
        """The runs that have finished by now as a structured array [runs], in the order of their numbers: ``run``, ``group``,
        ``seed``, the swept parameters, ``outcome``, ``step``, ``memorization_end``, ``generalization_end``, ``grokking_step``,
        the measures of the last state, ``forecast_right``, ``session`` and ``detail``. What a run doesn't have is NaN, or an
        empty text. ``deadline`` is for each page."""
        definition = (self.info if self.info.definition else self.refresh(deadline=deadline)).definition
        return to_array(self.summaries(deadline=deadline), definition.axes if definition else ())

    def bands(self, *, deadline: float | None = None) -> Iterator[SweepBands]:
        """Median and quartiles over seeds of the four progress panels, group by group, of the runs that have finished by now.
        ``deadline`` is for each page."""
        box = self._connection
        request = sweep_pb2.GetSweepBandsRequest(name=self.name)
        while True:
            page = box.read(box.sweeps.GetSweepBands, request, box.deadline(deadline))
            yield from map(from_bands, page.groups)
            request.first_group = page.next_group
            if not request.first_group:
                return

    def pause(self, *, deadline: float | None = None) -> SweepInfo:
        """Stops every run at its next step, and keeps everything. Returns when they have stopped."""
        return self._change("PauseSweep", sweep_pb2.PauseSweepRequest, deadline)

    def resume(self, *, deadline: float | None = None) -> SweepInfo:
        """Goes on where it was paused."""
        return self._change("ResumeSweep", sweep_pb2.ResumeSweepRequest, deadline)

    def cancel(self, *, deadline: float | None = None) -> SweepInfo:
        """Stops for good: what has finished stays, runs under way are dropped."""
        return self._change("CancelSweep", sweep_pb2.CancelSweepRequest, deadline)

    def delete(self, *, deadline: float = LONG_DEADLINE) -> None:
        """Stops and forgets it and its runs, but for sessions that were to stay."""
        box = self._connection
        box.mutate(box.sweeps.DeleteSweep, sweep_pb2.DeleteSweepRequest(name=self.name), box.deadline(deadline))

    def _change(self, method: str, request: Any, deadline: float | None) -> SweepInfo:
        box = self._connection
        answer = box.mutate(getattr(box.sweeps, method), request(name=self.name), box.deadline(deadline))
        return self._learn(answer.sweep)

    def _learn(self, message: Any) -> SweepInfo:
        """Not every answer has what never changes."""
        info = from_sweep(message)
        if info.definition is None:
            info = replace(info, definition=self.info.definition, invalid_values=self.info.invalid_values)
        self.info = info
        return info
