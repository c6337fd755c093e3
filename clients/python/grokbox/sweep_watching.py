"""The finished runs of a sweep, taken up again by itself after a lost connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Union

from ._connection import Connection, Outage, messages
from ._filled import filled
from ._generated.v1 import sweep_pb2
from .errors import GrokboxError
from .sweep_infos import SweepInfo, SweepRun, from_sweep, from_sweep_run

SweepEvent = Union[SweepRun, SweepInfo]


def watch(connection: Connection, name: str, from_sequence: int) -> Iterator[SweepEvent]:
    """Raises SWEEP_NOT_FOUND when the sweep was deleted meanwhile, and what the network said when no server answered for the
    connection's call deadline."""
    following = max(1, from_sequence)
    outage = Outage(connection)
    while True:
        request = filled(sweep_pb2.WatchSweepRequest, name=name, from_sequence=following)
        failure = None
        stream = messages(connection.attempt(lambda: connection.sweeps.WatchSweep(request)))
        try:
            for event in stream:
                kind = event.WhichOneof("event")
                if kind == "end" and event.end.reason == sweep_pb2.SWEEP_END_REASON_DELETED:
                    message = f"{name} was deleted while it was watched"
                    raise GrokboxError(message, "NOT_FOUND", "SWEEP_NOT_FOUND", {"sweep": name})
                if kind == "end" and event.end.reason != sweep_pb2.SWEEP_END_REASON_SHUTDOWN:
                    yield from_sweep(event.end.sweep)
                    return
                # A stream that only opens and ends again is still an outage.
                if kind in ("runs", "progress"):
                    outage.end()
                if kind == "progress":
                    yield from_sweep(event.progress)
                elif kind == "runs":
                    for run in event.runs.runs:
                        following = run.sequence + 1
                        yield from_sweep_run(run)
        except GrokboxError as error:
            # A reset on the way looks like a cancellation that is not ours.
            if error.code not in ("UNAVAILABLE", "CANCELLED"):
                raise
            failure = error
        finally:
            stream.close()
        connection.check_open()
        outage.wait(failure)
