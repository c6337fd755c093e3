"""What a call can fail with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from ._generated.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from ._generated.rpc.status_pb2 import Status

_DETAILS_KEY = "grpc-status-details-bin"

_DOMAIN = "grokbox"
"""Who defines the reasons that are ours to understand."""


@dataclass(frozen=True)
class FieldViolation:
    """One field of a request and what it must be."""

    field: str
    """Path from the request message, in the names of the protos, e.g. ``spec.optimizer.adamw.beta1``."""
    description: str
    """What the field must be, and what it was."""


class GrokboxError(Exception):
    """Everything that a call can fail with. Tell failures apart by ``reason``."""

    def __init__(
        self,
        message: str,
        code: str,
        reason: str | None = None,
        metadata: dict[str, str] | None = None,
        violations: Iterable[FieldViolation] = (),
        retry_delay: float = 0.0,
    ) -> None:
        super().__init__(f"[{code}] {message}")
        self.message = message
        """The message without its code."""
        self.code = code
        """Name of the gRPC status code, e.g. ``INVALID_ARGUMENT``."""
        self.reason = reason or code
        """A reason of ``grokbox/v1/error.proto`` without its prefix, e.g. ``STEP_MISMATCH``; the code's name when there is
        none."""
        self.metadata = dict(metadata or {})
        """The values that the message mentions, by name."""
        self.violations = tuple(violations)
        """What is wrong with which field of the request; empty unless the reason is ``INVALID_FIELD``."""
        self.retry_delay = retry_delay
        """The server asks not to be called again before this long, seconds."""


def from_rpc_error(error: grpc.RpcError) -> GrokboxError:
    """The error that tells the caller all that the server said."""
    call: Any = error
    said: dict[str, Any] = {}
    for detail in _details_of(call):
        kind = detail.type_url.rpartition("/")[2]
        if kind == "google.rpc.ErrorInfo":
            info = ErrorInfo.FromString(detail.value)
            if info.domain == _DOMAIN:
                said.update(reason=info.reason, metadata=dict(info.metadata))
        elif kind == "google.rpc.BadRequest":
            bad = BadRequest.FromString(detail.value)
            said["violations"] = [FieldViolation(each.field, each.description) for each in bad.field_violations]
        elif kind == "google.rpc.RetryInfo":
            delay = RetryInfo.FromString(detail.value).retry_delay
            said["retry_delay"] = delay.seconds + delay.nanos * 1e-9
    return GrokboxError(call.details() or "", call.code().name, **said)


def bad_answer(message: str) -> GrokboxError:
    """The server said something that this package can't take at its word."""
    return GrokboxError(message, "DATA_LOSS")


def _details_of(call: Any) -> list[Any]:
    """Nothing for bytes that are no Status: what the code says stands without them."""
    for key, value in call.trailing_metadata() or ():
        if key == _DETAILS_KEY:
            try:
                return list(Status.FromString(value).details)
            except DecodeError:
                return []
    return []
