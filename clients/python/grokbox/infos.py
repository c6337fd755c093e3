"""Sessions and servers as they were when the server last told of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Union

from ._generated.v1.session_pb2 import SessionState, StopKind
from ._generated.v1.snapshot_pb2 import SnapshotKind
from .measures import ScheduledMeasure, from_measures
from .plans import RunPlan, from_plan
from .points import ProgressPoint, enum_name, from_point, optional, stage_name, time_of
from .retention import Durability, Lineage, SnapshotSchedule, from_durability, from_lineage, from_schedule
from .specs import Spec, from_spec
from .triggers import Trigger, from_triggers


@dataclass(frozen=True)
class StopReason:
    """Why training stopped."""

    kind: str
    """target, condition, paused, diverged, cancelled, shutdown or failed."""
    detail: str
    """For people, e.g. ``test_accuracy >= 0.99 for 10 recorded steps``."""
    step: int


@dataclass(frozen=True)
class Stages:
    """Where the stages of grokking end, dated back; provisional while the session trains."""

    current: str | None
    memorization_end: int | None
    generalization_end: int | None


@dataclass(frozen=True)
class ActivationSwapped:
    """A swap that changed a session's course."""

    step: int
    before: str
    after: str


@dataclass(frozen=True)
class EngineMoved:
    """A move to another engine."""

    step: int
    before: str
    after: str


@dataclass(frozen=True)
class SnapshotRestored:
    """A return to an earlier state."""

    step: int
    from_step: int
    to_step: int


@dataclass(frozen=True)
class SessionForked:
    """Another session was forked from this one."""

    step: int
    session: str
    """sessions/{id}"""


@dataclass(frozen=True)
class TriggerFired:
    """A trigger did what ``detail`` says, or why it could not."""

    step: int
    trigger: str
    detail: str


SessionEvent = Union[ActivationSwapped, EngineMoved, SnapshotRestored, SessionForked, TriggerFired]


@dataclass(frozen=True)
class SweepOrigin:
    """Whose run a session is."""

    name: str
    """sweeps/{id}; it may have been deleted since."""
    run: int
    """The run's number."""


@dataclass(frozen=True)
class SessionInfo:
    name: str
    """sessions/{id}"""
    spec: Spec
    state: str
    """idle, stepping, running, paused or diverged."""
    step: int
    """Updates made."""
    stop_reason: StopReason | None
    """None before the first stop and during a run."""
    labels: dict[str, str]
    engine: str
    """That computes its steps; it stays on it until it is moved."""
    engine_reason: str
    """Why this engine, for people."""
    create_time: datetime
    latest: ProgressPoint | None
    """The newest progress point."""
    stages: Stages | None
    """None without a test set."""
    run: RunPlan | None
    """The run under way."""
    pair_counts: dict[str, int]
    """Ordered pairs by class: train, test, common, rare, partner, held_out."""
    preset: str
    events: tuple[SessionEvent, ...]
    """What changed its course, oldest first."""
    record_every: int
    """Steps between progress points."""
    measures: tuple[ScheduledMeasure, ...]
    """Which extra measures its points carry, and how often; and of ``ipr`` and ``mean_abs_sin_misalignment`` those that not every
    point carries."""
    parent: Lineage | None
    """Where it was forked from; None when it was not."""
    durability: Durability | None
    """None on a server that keeps everything in memory."""
    snapshot_schedule: SnapshotSchedule | None
    """Which snapshots it keeps by itself; None for none."""
    triggers: tuple[Trigger, ...]
    """What it does when a measure crosses a value."""
    sweep: SweepOrigin | None
    """The run of a sweep that it was made for; None when a user made it."""


@dataclass(frozen=True)
class Snapshot:
    """An immutable copy of a session's whole state, kept by the server."""

    name: str
    """sessions/{id}/snapshots/{step}"""
    step: int
    spec: Spec
    create_time: datetime
    kind: str
    """Why it was taken: requested, scheduled, stage, triggered or replaced."""
    label: str
    """What a user wrote, or empty."""
    forks: int
    """Sessions that were forked from it."""


def from_session(message: Any) -> SessionInfo:
    stop = optional(message, "stop_reason")
    stages = optional(message, "stages")
    return SessionInfo(
        name=message.name,
        spec=from_spec(message.spec),
        state=enum_name(SessionState, message.state, "SESSION_STATE_"),
        step=message.step,
        stop_reason=stop and StopReason(enum_name(StopKind, stop.kind, "STOP_KIND_"), stop.detail, stop.step),
        labels=dict(message.labels),
        engine=message.engine,
        engine_reason=message.engine_reason,
        create_time=time_of(message.create_time),
        latest=from_point(message.latest) if message.HasField("latest") else None,
        stages=stages
        and Stages(
            stage_name(stages.current),
            optional(stages, "memorization_end"),
            optional(stages, "generalization_end"),
        ),
        run=from_plan(message.run) if message.HasField("run") else None,
        pair_counts={field.name: getattr(message.pair_counts, field.name) for field in message.pair_counts.DESCRIPTOR.fields},
        preset=message.preset,
        events=tuple(event for each in message.events for event in _from_event(each)),
        record_every=message.record_every,
        measures=from_measures(message.measure_schedule),
        parent=from_lineage(message.parent) if message.HasField("parent") else None,
        durability=from_durability(message.durability) if message.HasField("durability") else None,
        snapshot_schedule=(
            from_schedule(message.snapshot_schedule) if message.HasField("snapshot_schedule") else None
        ),
        triggers=from_triggers(message.triggers),
        sweep=SweepOrigin(message.sweep.sweep, message.sweep.run) if message.HasField("sweep") else None,
    )


def from_snapshot(message: Any) -> Snapshot:
    return Snapshot(
        name=message.name,
        step=message.step,
        spec=from_spec(message.spec),
        create_time=time_of(message.create_time),
        kind=enum_name(SnapshotKind, message.kind, "SNAPSHOT_KIND_"),
        label=message.label,
        forks=message.forks,
    )


def _from_event(message: Any) -> list[SessionEvent]:
    """Nothing for an event that is newer than this package."""
    kind = message.WhichOneof("event")
    if kind == "activation_swapped":
        swapped = message.activation_swapped
        return [ActivationSwapped(message.step, getattr(swapped, "from"), swapped.to)]
    if kind == "engine_moved":
        moved = message.engine_moved
        return [EngineMoved(message.step, getattr(moved, "from"), moved.to)]
    if kind == "snapshot_restored":
        restored = message.snapshot_restored
        return [SnapshotRestored(message.step, restored.from_step, restored.to_step)]
    if kind == "session_forked":
        return [SessionForked(message.step, message.session_forked.session)]
    if kind == "trigger_fired":
        fired = message.trigger_fired
        return [TriggerFired(message.step, fired.trigger, fired.detail)]
    return []
