"""Handles of sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import weights
from ._connection import LONG_DEADLINE, Connection
from ._generated.v1 import analysis_pb2, session_pb2, snapshot_pb2, training_pb2
from .analysis import ActivationScores, Evaluation, Spectrum, from_activation_scores, from_evaluation, read_spectrum
from .infos import SessionInfo, Snapshot, from_session, from_snapshot
from .plans import StopCondition, to_plan
from .points import ProgressGap, ProgressPoint, ProgressReset, from_point
from .watching import ProgressEvent, watch


class Run:
    """A run in the background, already started. Iterate it for its progress from its beginning on, each time anew; leaving the
    loop stops watching, and the run goes on until it is paused."""

    def __init__(
        self, started: SessionInfo, follow: Callable[[bool], Iterator[ProgressEvent]], refresh: Callable[[], SessionInfo]
    ) -> None:
        self.started = started
        """The session when the run had been started."""
        self._follow = follow
        self._refresh = refresh

    def __iter__(self) -> Iterator[ProgressPoint]:
        gap: ProgressGap | None = None
        reset: ProgressReset | None = None
        for event in self._follow(True):
            if isinstance(event, ProgressGap):
                gap = event
            elif isinstance(event, ProgressReset):
                gap, reset = None, event
            else:
                yield replace(event, gap_before=gap, reset_before=reset)
                gap, reset = None, None

    def wait(self) -> SessionInfo:
        """The session once the run is over, for whatever reason: ``stop_reason.kind`` tells which."""
        while True:
            for _ in self._follow(False):
                pass
            info = self._refresh()
            # Somebody started another run as soon as this one was over.
            if info.run is None:
                return info


class Session:
    """A handle of a session on the server. Letting go of it stops nothing: deleting and pausing are explicit calls.

    ``deadline`` is in seconds, for the whole call with all its retries. ``expected_step`` makes the server refuse a call with
    the reason STEP_MISMATCH unless the session is at that step when the call's turn comes.
    """

    def __init__(self, connection: Connection, info: SessionInfo) -> None:
        """Made by ``Grokbox``, not by scripts."""
        self._connection = connection
        self.info = info
        """The session as this handle last heard of it: after the newest call that told, never from a stream."""

    def __repr__(self) -> str:
        return f"<{self.name}: {self.info.state} at step {self.info.step}>"

    @property
    def name(self) -> str:
        """sessions/{id}"""
        return self.info.name

    def refresh(self, *, deadline: float | None = None) -> SessionInfo:
        """Asks the server for the session as it is now."""
        request = session_pb2.GetSessionRequest(name=self.name)
        box = self._connection
        return self._learn(box.read(box.sessions.GetSession, request, box.deadline(deadline)).session)

    def step(
        self, steps: int = 1, *, expected_step: int | None = None, deadline: float = LONG_DEADLINE
    ) -> ProgressPoint:
        """Makes updates and waits. Returns the state reached."""
        request = training_pb2.StepRequest(session=self.name, steps=steps, expected_step=expected_step)
        box = self._connection
        answer = box.mutate(box.training.Step, request, box.deadline(deadline))
        self._learn(answer.session)
        return from_point(answer.point)

    def run(
        self,
        until_step: int | None = None,
        *,
        stop_when: StopCondition | Iterable[StopCondition] = (),
        snapshot_at: Iterable[int] = (),
        record_every: int | None = None,
        record_at: Iterable[int] = (),
        expected_step: int | None = None,
        deadline: float | None = None,
    ) -> Run:
        """Starts training in the background; see ``Run``. ``deadline`` is for the starting."""
        plan = to_plan(until_step, stop_when, snapshot_at, record_every, record_at)
        request = training_pb2.RunRequest(session=self.name, plan=plan, expected_step=expected_step)
        box = self._connection
        answer = box.mutate(box.training.Run, request, box.deadline(deadline))
        first = answer.newest_sequence + 1

        def follow(from_the_beginning: bool) -> Iterator[ProgressEvent]:
            return self.watch(first if from_the_beginning else None, until_idle=True)

        return Run(self._learn(answer.session), follow, self.refresh)

    def pause(self, *, deadline: float | None = None) -> SessionInfo:
        """Stops the run under way at the next step; nothing when there is none. Returns when it has stopped."""
        request = training_pb2.PauseRequest(session=self.name)
        box = self._connection
        return self._learn(box.mutate(box.training.Pause, request, box.deadline(deadline)).session)

    def watch(
        self, from_sequence: int | None = None, *, epoch: str = "", until_idle: bool = False
    ) -> Iterator[ProgressEvent]:
        """The session's progress, with what was missed shown as a ProgressGap. ``from_sequence``: 1 for all that is retained,
        None for what is recorded from the first ``next()`` on."""
        return watch(self._connection, self.name, from_sequence, epoch, until_idle)

    def swap_activation(
        self,
        activations: str | Sequence[str],
        *,
        evaluate_only: bool = False,
        at: int | None = None,
        expected_step: int | None = None,
        deadline: float | None = None,
    ) -> list[ActivationScores]:
        """With ``evaluate_only``: how the weights, of now or of the snapshot at a step, do under each of these activations;
        nothing is changed. Otherwise the session goes on under the one given."""
        request = training_pb2.SwapActivationRequest(
            session=self.name,
            activations=[activations] if isinstance(activations, str) else list(activations),
            evaluate_only=evaluate_only,
            expected_step=expected_step,
            snapshot="" if at is None else self._at(at),
        )
        box = self._connection
        call = box.read if evaluate_only else box.mutate
        answer: Any = call(box.training.SwapActivation, request, box.deadline(deadline))
        self._learn(answer.session)
        return [from_activation_scores(each) for each in answer.scores]

    def evaluate(self, at: int | None = None, *, deadline: float | None = None) -> Evaluation:
        """Losses and accuracies, in float64, of now or of the snapshot at a step."""
        request = analysis_pb2.EvaluateRequest(name=self._at(at))
        box = self._connection
        return from_evaluation(box.read(box.analysis.Evaluate, request, box.deadline(deadline)))

    def spectrum(
        self,
        at: int | None = None,
        *,
        first_neuron: int = 0,
        neuron_count: int | None = None,
        deadline: float | None = None,
    ) -> Spectrum:
        """Fourier spectra of both layers, of now or of the snapshot at a step; means are over all neurons in any case."""
        spec = self.info.spec
        count = spec.width - first_neuron if neuron_count is None else neuron_count
        box = self._connection
        return read_spectrum(box, self._at(at), spec.modulus, first_neuron, count, box.deadline(deadline))

    def snapshot(self, *, expected_step: int | None = None, deadline: float | None = None) -> Snapshot:
        """Keeps the state at the present step on the server."""
        request = snapshot_pb2.SnapshotRequest(session=self.name, expected_step=expected_step)
        box = self._connection
        return from_snapshot(box.mutate(box.snapshots.Snapshot, request, box.deadline(deadline)).snapshot)

    def download(self, at: int | None = None, *, deadline: float = LONG_DEADLINE) -> dict[str, np.ndarray]:
        """The arrays of the snapshot at a step, with their SHA-256 checked: theta and xi, float32 [M, p], and AdamW's moments.
        Without a step a snapshot is taken first, which the server keeps."""
        box = self._connection
        total = box.deadline(deadline)
        step = self.snapshot(deadline=total.left).step if at is None else at
        return weights.download(box, self._at(step), total)

    def delete(self, *, deadline: float | None = None) -> None:
        """Stops and forgets the session, its snapshots and its history."""
        request = session_pb2.DeleteSessionRequest(name=self.name)
        box = self._connection
        box.mutate(box.sessions.DeleteSession, request, box.deadline(deadline))

    def _at(self, step: int | None) -> str:
        return self.name if step is None else f"{self.name}/snapshots/{step}"

    def _learn(self, message: Any) -> SessionInfo:
        self.info = from_session(message)
        return self.info
