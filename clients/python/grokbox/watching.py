"""The progress of a session, taken up again by itself after a lost connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Union

from ._connection import Connection, Outage, messages
from ._filled import filled
from ._generated.v1 import training_pb2
from ._generated.v1.progress_pb2 import ProgressEndReason
from .errors import GrokboxError
from .points import ProgressGap, ProgressPoint, ProgressReset, from_point

ProgressEvent = Union[ProgressPoint, ProgressGap, ProgressReset]


class _Cursor:
    """A place in a session's log. Over any number of streams each point passes once and in order, and what doesn't come is
    shown as a gap, whether the server announced it or not."""

    def __init__(self, next_sequence: int | None, epoch: str) -> None:
        self.next = None if next_sequence is None else max(1, next_sequence)
        self.epoch = epoch

    def take(self, event: Any) -> Iterator[ProgressEvent]:
        kind = event.WhichOneof("event")
        if kind == "opened":
            replaced = self.epoch not in ("", event.opened.epoch)
            self.epoch = event.opened.epoch
            if replaced:
                self.next = max(1, event.opened.oldest_sequence)
                yield ProgressReset(self.epoch)
            if self.next is None:
                self.next = event.opened.newest_sequence + 1
        elif kind == "gap":
            yield from self._miss(event.gap.last_sequence + 1)
        elif kind == "batch":
            for message in event.batch.points:
                if message.sequence < (self.next or 1):
                    continue
                yield from self._miss(message.sequence)
                self.next = message.sequence + 1
                yield from_point(message, self.epoch)

    def _miss(self, sequence: int) -> Iterator[ProgressGap]:
        """The points before ``sequence`` that have not come will not come."""
        first = self.next or 1
        if sequence > first:
            self.next = sequence
            yield ProgressGap(first, sequence - 1)


def watch(
    connection: Connection, session: str, from_sequence: int | None, epoch: str, until_idle: bool
) -> Iterator[ProgressEvent]:
    """Raises SESSION_DELETED when the session was deleted meanwhile, and what the network said when no server answered for the
    connection's call deadline."""
    cursor = _Cursor(from_sequence, epoch)
    outage = Outage(connection)
    while True:
        request = filled(
            training_pb2.WatchProgressRequest,
            session=session,
            from_sequence=cursor.next,
            epoch=cursor.epoch,
            until_idle=until_idle,
        )
        failure = None
        stream = messages(connection.attempt(lambda: connection.training.WatchProgress(request)))
        try:
            for event in stream:
                kind = event.WhichOneof("event")
                if kind == "end" and _is_over(event.end.reason, session):
                    return
                # A stream that only opens and ends again is still an outage.
                if kind not in ("opened", "end"):
                    outage.end()
                yield from cursor.take(event)
        except GrokboxError as error:
            # A reset on the way looks like a cancellation that is not ours.
            if error.code not in ("UNAVAILABLE", "CANCELLED"):
                raise
            failure = error
        finally:
            stream.close()
        connection.check_open()
        outage.wait(failure)


def _is_over(reason: int, session: str) -> bool:
    """False when the stream ended only because its server does."""
    if reason == ProgressEndReason.PROGRESS_END_REASON_DELETED:
        message = f"{session} was deleted while it was watched"
        raise GrokboxError(message, "ABORTED", "SESSION_DELETED", {"session": session})
    return reason == ProgressEndReason.PROGRESS_END_REASON_IDLE
