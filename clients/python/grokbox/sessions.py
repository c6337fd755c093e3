"""Handles of sessions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from . import files, weights
from ._connection import LONG_DEADLINE, Connection
from ._filled import filled
from ._generated.v1 import analysis_pb2, session_pb2, snapshot_pb2, training_pb2
from .analysis import ActivationScores, Evaluation, Spectrum, from_activation_scores, from_evaluation, read_spectrum
from .errors import GrokboxError
from .infos import SessionInfo, Snapshot, from_session, from_snapshot
from .measures import MeasureInput, to_measures
from .mechanism import Ablated, Flow, Logits, Lottery, ablate, read_flow, read_logits, read_lottery
from .plans import StopCondition, to_plan
from .points import ProgressGap, ProgressPoint, ProgressReset, from_point
from .retention import SnapshotSchedule, to_schedule
from .specs import Grokfast, Optimizer, Split, to_changes
from .triggers import Trigger, to_triggers
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
        request = filled(training_pb2.StepRequest, session=self.name, steps=steps, expected_step=expected_step)
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
        request = filled(training_pb2.RunRequest, session=self.name, plan=plan, expected_step=expected_step)
        box = self._connection
        answer = box.mutate(box.training.Run, request, box.deadline(deadline))
        first = answer.newest_sequence + 1

        def follow(from_the_beginning: bool) -> Iterator[ProgressEvent]:
            if not from_the_beginning:
                return self.watch(None, until_idle=True)
            return self.watch(first, epoch=answer.epoch, until_idle=True)

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
        request = filled(
            training_pb2.SwapActivationRequest,
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

    def move(self, engine: str, *, expected_step: int | None = None, deadline: float | None = None) -> SessionInfo:
        """Puts the session on another engine of the server, ``auto`` for the one that is fastest, from its present state; a run
        under way goes on there."""
        request = filled(
            training_pb2.MoveSessionRequest, session=self.name, engine=engine, expected_step=expected_step
        )
        box = self._connection
        return self._learn(box.mutate(box.training.MoveSession, request, box.deadline(deadline)).session)

    def evaluate(self, at: int | None = None, *, grids: bool = False, deadline: float | None = None) -> Evaluation:
        """Losses and accuracies, in float64, of now or of the snapshot at a step; with ``grids`` also pair by pair."""
        request = filled(analysis_pb2.EvaluateRequest, name=self._at(at), grids=grids)
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
        # None from beyond the last neuron on: the server says what first_neuron must be.
        count = max(0, spec.width - first_neuron) if neuron_count is None else neuron_count
        box = self._connection
        return read_spectrum(box, self._at(at), spec.modulus, first_neuron, count, box.deadline(deadline))

    def logits(
        self,
        at: int | None = None,
        *,
        activation: str = "",
        pairs: Sequence[tuple[int, int]] | None = None,
        worst_pairs: int = 10,
        deadline: float | None = None,
    ) -> Logits:
        """Logits of pairs, by default of all pairs x <= y (then p is at most 97), and how neurons vote for them. ``activation``
        is the session's own by default."""
        box = self._connection
        return read_logits(box, self._at(at), activation, pairs, worst_pairs, box.deadline(deadline))

    def ablate(
        self,
        *changes: str | Mapping[str, Any],
        at: int | None = None,
        activation: str = "",
        grids: bool = False,
        deadline: float | None = None,
    ) -> Ablated:
        """How a copy does after changes, made one after the other; the session stays as it is. A change is ``"project"`` (on each
        neuron's dominant frequency) or a dict with one of the entries ``remove_frequencies``, ``keep_frequencies``,
        ``remove_neurons``, ``keep_neurons`` (lists), ``spread_phases`` (a range in radians, filled in the order of the present phases
        from 0 to 2 pi), ``restrict_phases`` (``{"center": ..., "range": ...}``) and ``scale`` (``{"theta": ..., "xi": ...}``)."""
        box = self._connection
        return ablate(box, {"name": self._at(at)}, changes, activation, grids, box.deadline(deadline))

    def lottery(
        self,
        at: int | None = None,
        *,
        begin: str = "",
        neurons: Sequence[int] = (),
        race_at: Sequence[int] = (),
        deadline: float | None = None,
    ) -> Lottery:
        """Which frequency each neuron was to end with, forecast from where it began (step 0 as the spec draws it, or the snapshot
        named ``begin``), and which it has. ``race_at``: steps of kept snapshots at which to tell where ``neurons`` stood."""
        request = filled(
            analysis_pb2.LotteryRequest, name=self._at(at), begin=begin, neurons=neurons, race_at=race_at
        )
        box = self._connection
        return read_lottery(box, request, box.deadline(deadline))

    def simulate_flow(
        self,
        neuron: int,
        at: int | None = None,
        *,
        times: Sequence[float] | None = None,
        euler_steps: int | None = None,
        time_step: float | None = None,
        frequency: int | None = None,
        compare_at: Sequence[int] = (),
        deadline: float | None = None,
    ) -> Flow:
        """The decoupled gradient flow from where a neuron is, at increasing ``times`` or by the paper's Euler steps, beside where it
        really was at the kept snapshots ``compare_at``."""
        start = filled(
            analysis_pb2.NeuronStart, name=self._at(at), neuron=neuron, frequency=frequency, compare_at=compare_at
        )
        box = self._connection
        return read_flow(box, {"neuron": start}, times, euler_steps, time_step, box.deadline(deadline))

    def fork(
        self,
        at: int | None = None,
        *,
        activation: str | None = None,
        optimizer: Optimizer | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        grokfast: Grokfast | None = None,
        warmup_steps: int | None = None,
        split: Split | None = None,
        remove_frequencies: Sequence[int] | None = None,
        keep_frequencies: Sequence[int] | None = None,
        labels: Mapping[str, str] | None = None,
        engine: str = "",
        record_every: int | None = None,
        snapshot_schedule: SnapshotSchedule | None = None,
        measures: Iterable[MeasureInput] | None = None,
        expected_step: int | None = None,
        deadline: float | None = None,
    ) -> Session:
        """A new session that begins with the state of this one, or of the snapshot at a step, and differs in what is said. This
        one is not touched; of its present state a snapshot is kept. ``measures``: those of this one that the new one can have
        unless they are given."""
        changes = to_changes(
            self.info.spec.optimizer,
            activation=activation,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            grokfast=grokfast,
            warmup_steps=warmup_steps,
            split=split,
            remove_frequencies=remove_frequencies,
            keep_frequencies=keep_frequencies,
        )
        request = filled(
            session_pb2.ForkSessionRequest,
            source=self._at(at),
            expected_step=expected_step,
            changes=changes,
            labels=dict(labels or {}),
            engine=engine,
            record_every=record_every,
            snapshot_schedule=to_schedule(snapshot_schedule),
            measure_schedule=to_measures(measures),
        )
        box = self._connection
        return Session(box, from_session(box.mutate(box.sessions.ForkSession, request, box.deadline(deadline)).session))

    def restore(self, step: int, *, expected_step: int | None = None, deadline: float | None = None) -> SessionInfo:
        """Puts the session back to the state of its snapshot at this step. Progress points after it are forgotten; snapshots
        stay, and the state before is kept as one."""
        request = filled(snapshot_pb2.RestoreSnapshotRequest, name=self._at(step), expected_step=expected_step)
        box = self._connection
        total = box.deadline(deadline)
        box.mutate(box.snapshots.RestoreSnapshot, request, total)
        request = session_pb2.GetSessionRequest(name=self.name)
        return self._learn(box.read(box.sessions.GetSession, request, total).session)

    def update(
        self,
        *,
        set_labels: Mapping[str, str] | None = None,
        remove_labels: Iterable[str] = (),
        snapshot_schedule: SnapshotSchedule | None = None,
        measures: Iterable[MeasureInput] | None = None,
        deadline: float | None = None,
    ) -> SessionInfo:
        """Changes labels, the schedule of snapshots, of which ``SnapshotSchedule()`` keeps none, and the measures of the
        points from now on, all of them, as ``Box.start`` takes them; also during a run."""
        request = filled(
            session_pb2.UpdateSessionRequest,
            name=self.name,
            set_labels=dict(set_labels or {}),
            remove_labels=list(remove_labels),
            snapshot_schedule=to_schedule(snapshot_schedule),
            measure_schedule=to_measures(measures),
        )
        box = self._connection
        return self._learn(box.mutate(box.sessions.UpdateSession, request, box.deadline(deadline)).session)

    def set_triggers(self, triggers: Iterable[Trigger], *, deadline: float | None = None) -> SessionInfo:
        """Replaces the session's triggers, at most 16: what it does by itself when a measure crosses a value. Those that stay as
        they are keep what they have counted.

            grokked = grokbox.at_least("test_accuracy", 0.99, for_recorded=10)
            session.set_triggers([grokbox.Trigger("grokked", grokked, grokbox.SnapshotAction("grokked"))])
        """
        request = training_pb2.SetTriggersRequest(
            session=self.name, triggers=to_triggers(triggers, self.info.spec.optimizer)
        )
        box = self._connection
        return self._learn(box.mutate(box.training.SetTriggers, request, box.deadline(deadline)).session)

    def history(
        self, from_sequence: int = 0, *, page_size: int = 0, deadline: float | None = None
    ) -> Iterator[ProgressPoint]:
        """The points recorded so far, oldest first; 0 for all that is retained. ``deadline`` is for each page. Raises ABORTED
        when the session's epoch changed meanwhile, as by a return to a snapshot, so that what was read is no more."""
        request = filled(
            training_pb2.GetHistoryRequest, session=self.name, from_sequence=from_sequence, page_size=page_size
        )
        box = self._connection
        epoch = None
        while True:
            page = box.read(box.training.GetHistory, request, box.deadline(deadline))
            if epoch not in (None, page.retained.epoch):
                text = f"the history of {self.name} was replaced while it was read; ask again"
                raise GrokboxError(text, "ABORTED", metadata={"session": self.name})
            epoch = page.retained.epoch
            for message in page.points:
                yield from_point(message, epoch)
            request.from_sequence = page.next_sequence
            if not page.next_sequence:
                return

    def snapshot(
        self, *, label: str = "", expected_step: int | None = None, deadline: float | None = None
    ) -> Snapshot:
        """Keeps the state at the present step on the server. ``label``: for people; one that has it is never deleted by itself."""
        request = filled(
            snapshot_pb2.SnapshotRequest, session=self.name, expected_step=expected_step, label=label
        )
        box = self._connection
        return from_snapshot(box.mutate(box.snapshots.Snapshot, request, box.deadline(deadline)).snapshot)

    def snapshots(self, *, page_size: int = 0, deadline: float | None = None) -> Iterator[Snapshot]:
        """Its snapshots, latest step first. ``deadline`` is for each page."""
        request = filled(snapshot_pb2.ListSnapshotsRequest, session=self.name, page_size=page_size)
        box = self._connection
        while True:
            page = box.read(box.snapshots.ListSnapshots, request, box.deadline(deadline))
            for message in page.snapshots:
                yield from_snapshot(message)
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def delete_snapshot(self, step: int, *, deadline: float | None = None) -> None:
        """Deletes the snapshot at this step; sessions forked from it stay."""
        request = snapshot_pb2.DeleteSnapshotRequest(name=self._at(step))
        box = self._connection
        box.mutate(box.snapshots.DeleteSnapshot, request, box.deadline(deadline))

    def download(self, at: int | None = None, *, deadline: float = LONG_DEADLINE) -> dict[str, np.ndarray]:
        """The arrays of the snapshot at a step, with their SHA-256 checked: theta and xi, float32 [M, p], and AdamW's moments.
        Without a step a snapshot is taken first, which the server keeps."""
        box = self._connection
        total = box.deadline(deadline)
        step = self.snapshot(deadline=total.left).step if at is None else at
        return weights.download(box, self._at(step), total)

    def export(
        self,
        path: str | os.PathLike[str],
        at: int | None = None,
        *,
        format: str | None = None,
        deadline: float = LONG_DEADLINE,
    ) -> Snapshot:
        """Writes the snapshot at a step to a file, which appears when it is whole and its SHA-256 was checked: weights, moments,
        the mask of training pairs, and the spec. ``format``: safetensors or npz, left out the path's extension. Without a step
        a snapshot is taken first, which the server keeps."""
        form = files.format_of(path, format)
        box = self._connection
        total = box.deadline(deadline)
        step = self.snapshot(deadline=total.left).step if at is None else at
        return from_snapshot(files.export(box, self._at(step), path, form, total))

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
