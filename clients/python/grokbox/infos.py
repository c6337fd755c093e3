"""Sessions and servers as they were when the server last told of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from ._generated.v1.session_pb2 import SessionState, StopKind
from .plans import RunPlan, from_plan
from .points import ProgressPoint, enum_name, from_point, optional, stage_name
from .specs import Spec, from_spec


@dataclass(frozen=True)
class StopReason:
    """Why training stopped."""

    kind: str
    """target, condition, paused, diverged, cancelled or shutdown."""
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
    engine_reason: str
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
    events: tuple[ActivationSwapped, ...]
    """What changed its course, oldest first."""


@dataclass(frozen=True)
class Snapshot:
    """An immutable copy of a session's whole state, kept by the server."""

    name: str
    """sessions/{id}/snapshots/{step}"""
    step: int
    spec: Spec
    create_time: datetime


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
        create_time=_time(message.create_time),
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
        events=tuple(
            ActivationSwapped(event.step, getattr(event.activation_swapped, "from"), event.activation_swapped.to)
            for event in message.events
            if event.HasField("activation_swapped")
        ),
    )


def from_snapshot(message: Any) -> Snapshot:
    return Snapshot(message.name, message.step, from_spec(message.spec), _time(message.create_time))


def _time(message: Any) -> datetime:
    return message.ToDatetime(tzinfo=timezone.utc)
