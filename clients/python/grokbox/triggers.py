"""What a session does by itself when a measure crosses a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from ._filled import filled
from ._generated.v1 import retention_pb2
from .plans import Threshold, from_threshold, to_threshold
from .points import optional
from .specs import Changes, Optimizer, from_changes, to_changes


@dataclass(frozen=True)
class SnapshotAction:
    """Keep a snapshot."""

    label: str = ""
    """At most 255 characters."""


@dataclass(frozen=True)
class PauseAction:
    """End the run or step under way as ``Session.pause`` does."""


@dataclass(frozen=True)
class ForkAction:
    """Fork a new session from this step."""

    changes: Changes = Changes()
    labels: Mapping[str, str] = field(default_factory=dict)
    """Of the new session."""
    run_until_step: int | None = None
    """Train the new session up to this step in the background. None: it stays idle."""


Action = Union[SnapshotAction, PauseAction, ForkAction]

_ACTIONS = {"snapshot": SnapshotAction, "pause": PauseAction, "fork": ForkAction}


@dataclass(frozen=True)
class Trigger:
    """May be given to ``Session.set_triggers`` as a session has it."""

    name: str
    """1 to 63 characters of a-z, 0-9 and -, unique within the session."""
    when: Threshold
    """Made by ``at_least`` and ``at_most``: it fires at the recorded step at which this becomes true."""
    action: Action | str
    """Or snapshot, pause or fork by name, as it is by default. In answers never a name."""
    repeat: bool = False
    """Fire again each time it becomes true anew, not only once."""
    fired: int = 0
    """Only in answers: how often it has fired."""
    last_fired_step: int | None = None
    """Only in answers: the step at which it fired last."""
    last_error: str = ""
    """Only in answers: why its last action failed; empty when it did not."""


def to_triggers(triggers: Iterable[Trigger], here: Optimizer) -> list[retention_pb2.Trigger]:
    """``here``: the session's optimizer."""
    return [
        filled(
            retention_pb2.Trigger,
            name=each.name,
            when=to_threshold(each.when),
            repeat=each.repeat,
            **_to_action(each, here),
        )
        for each in triggers
    ]


def from_triggers(messages: Iterable[Any]) -> tuple[Trigger, ...]:
    """Without those whose action is newer than this package."""
    return tuple(
        Trigger(
            name=message.name,
            when=from_threshold(message.when),
            action=_from_action(message),
            repeat=message.repeat,
            fired=message.fired,
            last_fired_step=optional(message, "last_fired_step"),
            last_error=message.last_error,
        )
        for message in messages
        if message.WhichOneof("action") in _ACTIONS
    )


def _to_action(trigger: Trigger, here: Optimizer) -> dict[str, Any]:
    action = trigger.action
    if isinstance(action, str) and action in _ACTIONS:
        action = _ACTIONS[action]()
    if isinstance(action, SnapshotAction):
        return {"snapshot": filled(retention_pb2.SnapshotAction, label=action.label)}
    if isinstance(action, PauseAction):
        return {"pause": retention_pb2.PauseAction()}
    if isinstance(action, ForkAction):
        fork = filled(
            retention_pb2.ForkAction,
            changes=to_changes(here, learning_rate=None, weight_decay=None, grokfast=None, **vars(action.changes)),
            labels=dict(action.labels),
            run_until_step=action.run_until_step,
        )
        return {"fork": fork}
    raise ValueError(f"the action of trigger {trigger.name!r} must be snapshot, pause or fork; got {action!r}")


def _from_action(message: Any) -> Action:
    kind = message.WhichOneof("action")
    if kind == "snapshot":
        return SnapshotAction(message.snapshot.label)
    if kind == "pause":
        return PauseAction()
    fork = message.fork
    return ForkAction(from_changes(fork.changes), dict(fork.labels), optional(fork, "run_until_step"))
