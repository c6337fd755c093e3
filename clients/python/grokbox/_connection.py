"""Calls with a total deadline, retried while no server answers; what all handles of one Grokbox share."""

from __future__ import annotations

import itertools
import random
import re
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import grpc

from ._generated.v1.analysis_pb2_grpc import AnalysisServiceStub
from ._generated.v1.server_pb2_grpc import ServerServiceStub
from ._generated.v1.session_pb2_grpc import SessionServiceStub
from ._generated.v1.snapshot_pb2_grpc import SnapshotServiceStub
from ._generated.v1.sweep_pb2_grpc import SweepServiceStub
from ._generated.v1.training_pb2_grpc import TrainingServiceStub
from .errors import GrokboxError, from_rpc_error

DEFAULT_PORT = 50051

LONG_DEADLINE = 600.0
"""Of calls that train or move weights, unless told otherwise: as much as a person may want to wait for, seconds."""

_MAX_MESSAGE_BYTES = 4 * 2**20
"""As the server's own limit. Whatever can be larger travels in chunks."""

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 5.0

# 24 days, whose milliseconds the server still can count, as grpcio rounds them; a deadline beyond that would be over at once.
_LONGEST_DEADLINE = 24 * 86_400.0

T = TypeVar("T")


class Deadline:
    """A moment by which something must be over."""

    def __init__(self, seconds: float) -> None:
        if not seconds > 0:
            raise ValueError(f"a deadline must be greater than 0 seconds; got {seconds}")
        self._at = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """Seconds left, 0 to 24 days."""
        return min(max(0.0, self._at - time.monotonic()), _LONGEST_DEADLINE)


class Connection:
    def __init__(self, address: str, call_deadline: float) -> None:
        self.address = parse_address(address)
        self.call_deadline = call_deadline
        self.closed = False
        self._channel = grpc.insecure_channel(
            self.address,
            options=[
                ("grpc.max_receive_message_length", _MAX_MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
                # Finds out within 40 s that a network went away under a call that is silent by nature.
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                ("grpc.http2.max_pings_without_data", 0),
                # Its own waits before connecting again; the defaults, 1 s to 2 min, would outlast our retries.
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.min_reconnect_backoff_ms", 1_000),
                ("grpc.max_reconnect_backoff_ms", 2_000),
                # Closing this channel closes this connection.
                ("grpc.use_local_subchannel_pool", 1),
                # A proxy of the environment is for the world outside, and could not reach this machine's loopback.
                ("grpc.enable_http_proxy", 0 if _is_loopback(self.address) else 1),
            ],
        )
        self.sessions = SessionServiceStub(self._channel)
        self.training = TrainingServiceStub(self._channel)
        self.analysis = AnalysisServiceStub(self._channel)
        self.snapshots = SnapshotServiceStub(self._channel)
        self.sweeps = SweepServiceStub(self._channel)
        self.server = ServerServiceStub(self._channel)

    def deadline(self, seconds: float | None, default: float | None = None) -> Deadline:
        """The deadline of a call that begins now."""
        return Deadline(seconds if seconds is not None else default or self.call_deadline)

    def read(self, method: Callable[..., T], request: Any, deadline: Deadline) -> T:
        """A call that changes nothing."""
        return self.retrying(lambda: method(request, timeout=deadline.left), deadline)

    def mutate(self, method: Callable[..., T], request: Any, deadline: Deadline) -> T:
        """A call that changes something, under a request_id that stays the same over all attempts."""
        request.request_id = new_request_id()
        return self.read(method, request, deadline)

    def upload(self, method: Callable[..., T], requests: Callable[[], Iterable[Any]], deadline: Deadline) -> T:
        """A call that sends a stream. ``requests`` makes it anew for every attempt, with one request_id in all of them."""
        return self.retrying(lambda: method(iter(requests()), timeout=deadline.left), deadline)

    def retrying(self, attempt: Callable[[], T], deadline: Deadline) -> T:
        """Repeats ``attempt``, which must be safe to repeat, while no server answers and the deadline allows. A lost device is told
        at once: the server has tried again itself."""
        before: GrokboxError | None = None
        for failures in itertools.count(1):
            try:
                return self.attempt(attempt)
            except grpc.RpcError as rpc_error:
                error = from_rpc_error(rpc_error)
            except GrokboxError as grokbox_error:
                error = grokbox_error
            if error.code == "CANCELLED":
                self.check_open()
            wait = max(backoff(failures), error.retry_delay)
            if error.code != "UNAVAILABLE" or error.reason == "DEVICE_LOST" or wait >= deadline.left:
                # An attempt that the deadline cut off says less than the one before it.
                raise error from before
            before = error
            time.sleep(wait)
        raise AssertionError

    def attempt(self, call: Callable[[], T]) -> T:
        """Raises CLOSED where grpc has a ValueError of its own."""
        self.check_open()
        try:
            return call()
        except ValueError:
            self.check_open()
            raise

    def check_open(self) -> None:
        """Raises CLOSED for a connection that its owner has closed."""
        if self.closed:
            raise GrokboxError("the connection was closed", "CANCELLED", "CLOSED")

    def close(self) -> None:
        self.closed = True
        self._channel.close()


class Outage:
    """How long a stream that is opened again and again has brought nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.end()

    def end(self) -> None:
        """Something came."""
        self._failures = 0
        self._patience: Deadline | None = None

    def wait(self, failure: GrokboxError | None) -> None:
        """Waits before the next attempt. Raises ``failure``, what the last one failed with if it did, when nothing has come for
        the connection's call deadline."""
        self._failures += 1
        self._patience = self._patience or Deadline(self._connection.call_deadline)
        seconds = max(backoff(self._failures), failure.retry_delay if failure else 0)
        if seconds >= self._patience.left:
            raise failure or GrokboxError("the server keeps ending the stream", "UNAVAILABLE")
        time.sleep(seconds)


def new_request_id() -> str:
    return str(uuid.uuid4())


def backoff(failures: int) -> float:
    """Seconds to wait, exponential with full jitter, so that clients that failed together don't come back together."""
    return random.uniform(0, min(_LONGEST_WAIT, _FIRST_WAIT * 2 ** min(failures - 1, 20)))


def messages(stream: Any) -> Iterator[Any]:
    """The messages of a call that answers with a stream; leaving the loop cancels it. Raises GrokboxError."""
    try:
        yield from stream
    except grpc.RpcError as error:
        raise from_rpc_error(error) from None
    finally:
        stream.cancel()


def parse_address(address: str) -> str:
    """host:port of what a person typed."""
    match = re.fullmatch(r"(?P<host>[\w.-]+|\[[\da-fA-F:.]+\])(?::(?P<port>\d{1,5}))?", address)
    port = int(match["port"] or DEFAULT_PORT) if match else 0
    if match and 1 <= port <= 65_535:
        return f"{match['host']}:{port}"
    raise ValueError(f"an address must be host:port, such as localhost:{DEFAULT_PORT}; got {address!r}")


def _is_loopback(address: str) -> bool:
    return re.fullmatch(r"(localhost|127\.\d+\.\d+\.\d+|\[::1\]):\d+", address) is not None
