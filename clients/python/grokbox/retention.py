"""Which snapshots a session keeps by itself, where it comes from, and what of it is on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._filled import filled
from ._generated.v1 import retention_pb2
from .points import optional, time_of
from .specs import Changes, from_changes


@dataclass(frozen=True)
class SnapshotSchedule:
    """Snapshots that somebody asked for, labelled ones and those that a session was forked from are never deleted by
    themselves."""

    every_steps: int | None = None
    """Keep one at every multiple of this; None for none."""
    powers_of_two: bool = False
    """Keep one at steps 1, 2, 4, 8 and so on."""
    at_steps: Sequence[int] = ()
    """Keep one at each of these steps."""
    at_stage_changes: bool = False
    """Keep one when the end of a stage becomes known."""
    retain: int | None = None
    """Of those kept by every_steps and powers_of_two, the newest so many stay; None for 100."""


@dataclass(frozen=True)
class Lineage:
    """Where a session was forked from."""

    snapshot: str
    """sessions/{id}/snapshots/{step}; it may have been deleted since."""
    changes: Changes
    """What was changed."""


@dataclass(frozen=True)
class Durability:
    """What of a session is on the server's disk."""

    committed_step: int
    """Step of the last commit: a crash of the server brings the session back to it."""
    commit_time: datetime
    alarm: str
    """Why later steps could not be committed; empty when all is well."""


def to_schedule(schedule: SnapshotSchedule | None) -> retention_pb2.SnapshotSchedule | None:
    if schedule is None:
        return None
    return filled(
        retention_pb2.SnapshotSchedule,
        every_steps=schedule.every_steps,
        powers_of_two=schedule.powers_of_two,
        at_steps=list(schedule.at_steps),
        at_stage_changes=schedule.at_stage_changes,
        retain=schedule.retain,
    )


def from_schedule(message: Any) -> SnapshotSchedule:
    return SnapshotSchedule(
        every_steps=optional(message, "every_steps"),
        powers_of_two=message.powers_of_two,
        at_steps=tuple(message.at_steps),
        at_stage_changes=message.at_stage_changes,
        retain=optional(message, "retain"),
    )


def from_lineage(message: Any) -> Lineage:
    return Lineage(message.snapshot, from_changes(message.changes))


def from_durability(message: Any) -> Durability:
    return Durability(message.committed_step, time_of(message.commit_time), message.alarm)
