"""Connections to grokbox servers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType
from typing import Any

import numpy as np

from . import weights as arrays
from ._connection import LONG_DEADLINE, Connection, Deadline
from ._filled import filled
from ._generated.v1 import analysis_pb2, server_pb2, session_pb2, sweep_pb2
from .errors import GrokboxError
from .files import SafetensorsFile, upload_file
from .infos import from_session
from .measures import MeasureInput, to_measures
from .mechanism import Ablated, Flow, ablate, read_flow
from .plans import StopCondition, to_plan
from .points import enum_value
from .retention import SnapshotSchedule, to_schedule
from .sessions import Session
from .specs import Embedding, Grokfast, Init, Optimizer, Split, to_spec
from .sweep_infos import from_sweep
from .sweep_options import to_definition
from .sweeps import Sweep


@dataclass(frozen=True)
class MemoryInfo:
    """Memory that is set aside before it is used, bytes."""

    used_bytes: int
    limit_bytes: int


@dataclass(frozen=True)
class StorageInfo:
    """Where sessions are kept."""

    durable: bool
    """False: everything is gone when the server ends."""
    bytes: int
    """Of the store's files."""
    snapshots: int
    """Snapshots kept, of all sessions."""
    alarm: str
    """Why it can't be written at the moment; empty when all is well."""
    checkpoint_every_seconds: float
    """Between checkpoints of a session that trains."""


@dataclass(frozen=True)
class AbsentEngine:
    name: str
    reason: str
    """Why it is not there, for people."""


@dataclass(frozen=True)
class EngineTiming:
    """How fast an engine was found to be."""

    modulus: int
    width: int
    steps_per_second: float
    """Of one session that has the device to itself."""
    cohort: int
    """So many sessions side by side were timed besides; 0 for none."""
    cohort_steps_per_second: float
    """Of all of them together."""


@dataclass(frozen=True)
class EngineInfo:
    name: str
    variant: str
    """Build or back end of the engine, e.g. addon or wasm."""
    device: str
    isa: str
    threads: int
    """Of the CPU; 0 of an engine that computes elsewhere."""
    precision: str
    deterministic: bool
    """Whether equal specs give equal bits."""
    fallback_reason: str
    """Why a faster variant is not used; empty when it is."""
    parts: int
    """Sessions that it trains side by side at full speed."""
    memory: MemoryInfo | None
    """Of the device's own; None: its sessions take the server's."""
    timings: tuple[EngineTiming, ...]
    """By which sessions without a wish get their engine; empty where there is nothing to choose."""


@dataclass(frozen=True)
class ServerInfo:
    version: str
    engines: tuple[EngineInfo, ...]
    """Those that work there, the preferred one first."""
    limits: dict[str, float]
    """Bounds that the server enforces, by their names in ``grokbox/v1/server.proto``."""
    uptime_seconds: float
    runtime: str
    presets: dict[str, str]
    """What ``preset`` may be, with descriptions."""
    absent_engines: tuple[AbsentEngine, ...] = ()
    """Those that it would offer, and that don't work there."""
    memory: MemoryInfo | None = None
    """Of states, snapshots and uploads, and of the sessions that train on engines without their own."""
    storage: StorageInfo | None = None
    """None where the server doesn't say."""


class Grokbox:
    """A connection to a grokbox server. It is dear: make one, and share it; the handles it gives out are cheap. Threads may
    share it."""

    def __init__(self, connection: Connection) -> None:
        """Made by ``connect``."""
        self._connection = connection

    @property
    def address(self) -> str:
        """host:port"""
        return self._connection.address

    def info(self, *, deadline: float | None = None) -> ServerInfo:
        """What the server is and can do."""
        box = self._connection
        answer = box.read(box.server.GetServerInfo, server_pb2.GetServerInfoRequest(), box.deadline(deadline))
        return ServerInfo(
            version=answer.version,
            engines=tuple(_engine(engine) for engine in answer.engines),
            absent_engines=tuple(AbsentEngine(engine.name, engine.reason) for engine in answer.absent_engines),
            memory=_memory(answer),
            storage=StorageInfo(**_fields(answer.storage)) if answer.HasField("storage") else None,
            limits=_fields(answer.limits),
            uptime_seconds=answer.uptime_seconds,
            runtime=answer.runtime,
            presets={preset.name: preset.description for preset in answer.presets},
        )

    def start(
        self,
        preset: str = "",
        *,
        modulus: int | None = None,
        width: int | None = None,
        activation: str | None = None,
        task: str | None = None,
        init: Init | None = None,
        optimizer: Optimizer | None = None,
        learning_rate: float | None = None,
        weight_decay: float | None = None,
        grokfast: Grokfast | None = None,
        warmup_steps: int | None = None,
        split: Split | None = None,
        seed: int | None = None,
        embedding: Embedding | None = None,
        labels: Mapping[str, str] | None = None,
        engine: str = "",
        record_every: int | None = None,
        snapshot_schedule: SnapshotSchedule | None = None,
        measures: Iterable[MeasureInput] | None = None,
        weights: Mapping[str, Any] | SafetensorsFile | str | None = None,
        weights_step: int = 0,
        from_snapshot: str | None = None,
        deadline: float | None = None,
    ) -> Session:
        """Makes a session; what is left out is the preset's, or without a preset the standard run's.

        ``task``: ``"add"``, ``"subtract"`` or ``"quadratic_form"``, also by its other name ``"x^2+xy+y^2"``.
        ``embedding``: learn the embedding too. ``grokfast``: amplify slow gradients.
        ``weights``: arrays theta and xi [M, p], the bytes of a safetensors file or its path as a ``pathlib.Path``, or the name
        of an upload; the spec and the training pairs of a file are the defaults for what is left out here.
        ``weights_step``: the updates that led to those arrays. With moments, as ``Session.download`` has them, the session goes
        on from that step only if it is given: at 0 warm-up and bias correction begin anew.
        ``from_snapshot``: sessions/{id}/snapshots/{step}, whose weights, moments, step and spec it takes; excludes everything
        else that says what the network is.
        ``measures``: extra ones to take, such as ``["voting_r_squared", ScheduledMeasure("magnitude_drift", 500)]``, and how often
        points carry ``ipr`` and ``mean_abs_sin_misalignment``, in place of every one: ``ScheduledMeasure("ipr", 10)``.
        """
        if weights is not None and from_snapshot is not None:
            raise ValueError("weights must be left out with a snapshot to start from")
        if weights_step and not isinstance(weights, Mapping):
            raise ValueError("weights_step must be left out without arrays: a file and an upload know theirs")
        spec = to_spec(
            preset,
            modulus=modulus,
            width=width,
            activation=activation,
            task=task,
            init=init,
            optimizer=optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            grokfast=grokfast,
            warmup_steps=warmup_steps,
            split=split,
            seed=seed,
            embedding=embedding,
        )
        request = filled(
            session_pb2.StartSessionRequest,
            preset=preset,
            labels=dict(labels or {}),
            engine=engine,
            record_every=record_every,
            snapshot_schedule=to_schedule(snapshot_schedule),
            measure_schedule=to_measures(measures),
        )
        if spec.ByteSize() > 0:
            request.spec.CopyFrom(spec)
        box = self._connection
        total = box.deadline(deadline, None if weights is None else LONG_DEADLINE)
        if from_snapshot is not None:
            request.snapshot = from_snapshot
        elif weights is not None:
            request.upload = weights if isinstance(weights, str) else _upload(box, weights, weights_step, total)
        return Session(box, from_session(box.mutate(box.sessions.StartSession, request, total).session))

    def session(self, name: str, *, deadline: float | None = None) -> Session:
        """A handle of a session that there is."""
        box = self._connection
        request = session_pb2.GetSessionRequest(name=name)
        return Session(box, from_session(box.read(box.sessions.GetSession, request, box.deadline(deadline)).session))

    def sessions(
        self,
        *,
        state: str | Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        sweep: str = "",
        page_size: int = 0,
        deadline: float | None = None,
    ) -> Iterator[Session]:
        """Handles of all sessions but those that sweeps made, newest first. ``sweep``: only those of this one, sweeps/{id}, or
        with ``sweeps/-`` of any. ``deadline`` is for each page."""
        box = self._connection
        states = [state] if isinstance(state, str) else state
        request = filled(
            session_pb2.ListSessionsRequest,
            states=[enum_value(session_pb2.SessionState, each, "SESSION_STATE_", "state") for each in states],
            labels=dict(labels or {}),
            sweep=sweep,
            page_size=page_size,
        )
        while True:
            page = box.read(box.sessions.ListSessions, request, box.deadline(deadline))
            for message in page.sessions:
                yield Session(box, from_session(message))
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def sweep(
        self,
        cells: Mapping[str, Any] | Sequence[Mapping[str, Any]] = MappingProxyType({}),
        *,
        until_step: int,
        seeds: Iterable[int] = (),
        stop_when: StopCondition | Iterable[StopCondition] = (),
        snapshot_at: Iterable[int] = (),
        record_every: int | None = None,
        record_at: Iterable[int] = (),
        title: str = "",
        labels: Mapping[str, str] | None = None,
        max_parallel: int | None = None,
        keep_sessions: bool = False,
        refuse_invalid: bool = False,
        engine: str = "",
        deadline: float | None = None,
        **grid: Iterable[Any],
    ) -> Sweep:
        """Starts many runs as one job: every combination of the ``grid``'s values over ``cells``, or each of a list of them, with
        every seed (42 alone by default).

        ``cells``: what they have in common, or a list of what each is, by the names that ``start`` has, seeds aside. ``grid``:
        lists of values of ``modulus``, ``width``, ``activation``, ``task``, ``init_scale``, ``learning_rate``, ``weight_decay``,
        ``warmup_steps`` or ``train_fraction``, the last one's varying fastest. ``until_step`` to ``record_at``: as of
        ``Session.run``, for every run; they record every 100 steps unless told otherwise. ``max_parallel``: runs that train at a
        time, 1 to 64, 8 by default. ``keep_sessions``: they stay when their runs have ended. ``refuse_invalid``: refuse the sweep
        for one invalid cell, which otherwise ends only its own runs; ``SweepInfo.invalid_values`` has what is wrong with it.

            sweep = box.sweep({"preset": "grokking"}, weight_decay=[0.5, 1, 2], seeds=range(16), until_step=20_000)
        """
        definition = to_definition(
            cells, grid, seeds, to_plan(until_step, stop_when, snapshot_at, None, record_at)
        )
        rest = filled(
            sweep_pb2.SweepDefinition,
            title=title,
            labels=dict(labels or {}),
            engine=engine,
            keep_sessions=keep_sessions,
            refuse_invalid=refuse_invalid,
            record_every=record_every,
            max_parallel=max_parallel,
        )
        definition.MergeFrom(rest)
        box = self._connection
        request = sweep_pb2.StartSweepRequest(definition=definition)
        return Sweep(box, from_sweep(box.mutate(box.sweeps.StartSweep, request, box.deadline(deadline)).sweep))

    def open_sweep(self, name: str, *, deadline: float | None = None) -> Sweep:
        """A handle of a sweep that there is: sweeps/{id}."""
        box = self._connection
        request = sweep_pb2.GetSweepRequest(name=name)
        return Sweep(box, from_sweep(box.read(box.sweeps.GetSweep, request, box.deadline(deadline)).sweep))

    def sweeps(self, *, page_size: int = 0, deadline: float | None = None) -> Iterator[Sweep]:
        """Handles of all sweeps, newest first. ``deadline`` is for each page."""
        box = self._connection
        request = filled(sweep_pb2.ListSweepsRequest, page_size=page_size)
        while True:
            page = box.read(box.sweeps.ListSweeps, request, box.deadline(deadline))
            for message in page.sweeps:
                yield Sweep(box, from_sweep(message))
            request.page_token = page.next_page_token
            if not request.page_token:
                return

    def upload(
        self, weights: Mapping[str, Any] | SafetensorsFile, step: int = 0, *, deadline: float = LONG_DEADLINE
    ) -> str:
        """Sends weights, as ``start`` takes them, for one session to start from. ``step``: the updates that led to arrays, 0
        without moments. Returns uploads/{id}."""
        return _upload(self._connection, weights, step, self._connection.deadline(deadline))

    def ablate_ideal(
        self,
        modulus: int,
        width: int,
        *changes: str | Mapping[str, Any],
        frequencies: Sequence[int] = (),
        phase_range: float | None = None,
        alpha: float | None = None,
        beta: float | None = None,
        activation: str = "",
        grids: bool = False,
        deadline: float | None = None,
    ) -> Ablated:
        """How a network does whose neurons are what the theory asks, after changes as those of ``Session.ablate``: theta =
        alpha cos(w_k j + phi), xi = beta cos(w_k j + 2 phi), phases evenly spread over ``phase_range`` (2 pi by default). By default
        it has all frequencies, magnitudes of 1, and x^2."""
        ideal = filled(
            analysis_pb2.IdealNetwork,
            modulus=modulus,
            width=width,
            frequencies=frequencies,
            phase_range=phase_range,
            alpha=alpha,
            beta=beta,
        )
        box = self._connection
        return ablate(box, {"ideal": ideal}, changes, activation, grids, box.deadline(deadline))

    def simulate_flow(
        self,
        modulus: int,
        frequency: int,
        *,
        alpha: float,
        beta: float,
        phi: float,
        psi: float,
        times: Sequence[float] | None = None,
        euler_steps: int | None = None,
        time_step: float | None = None,
        deadline: float | None = None,
    ) -> Flow:
        """The decoupled gradient flow of one neuron at one frequency, at increasing ``times`` or by the paper's Euler steps.
        ``alpha`` and ``beta``: over 1e-100, at most 1e6."""
        start = filled(
            analysis_pb2.FlowStart,
            modulus=modulus,
            frequency=frequency,
            alpha=alpha,
            beta=beta,
            phi=phi,
            psi=psi,
        )
        box = self._connection
        return read_flow(box, {"state": start}, times, euler_steps, time_step, box.deadline(deadline))

    def outcome_contour(
        self,
        scales: Sequence[float],
        doubled_phases: Sequence[float],
        *,
        modulus: int = 23,
        steps: int | None = None,
        time_step: float | None = None,
        deadline: float | None = None,
    ) -> np.ndarray:
        """Where that flow ends after some Euler steps (100 of 0.01 by default), with alpha = beta = a scale and psi = 0: final beta,
        float64 [scales, doubled phases]; infinite where Euler's steps, too long for so large a scale, leave float64."""
        request = filled(
            analysis_pb2.OutcomeContourRequest,
            modulus=modulus,
            scales=scales,
            doubled_phases=doubled_phases,
            steps=steps,
            time_step=time_step,
        )
        box = self._connection
        answer: Any = box.read(box.analysis.OutcomeContour, request, box.deadline(deadline))
        return arrays.array_of(answer.beta)

    def close(self) -> None:
        """Closes the connection. Sessions and runs on the server go on."""
        self._connection.close()

    def __enter__(self) -> Grokbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def connect(address: str, *, deadline: float = 10.0, call_deadline: float = 60.0) -> Grokbox:
    """Connects, and makes sure that a grokbox server answers.

    ``address``: host:port, or a host alone for port 50051. ``deadline``: for connecting, seconds; a server that is only
    just starting is waited for. ``call_deadline``: of later calls that are given none, seconds.
    """
    box = Grokbox(Connection(address, call_deadline))
    try:
        box.info(deadline=deadline)
        return box
    except GrokboxError as error:
        box.close()
        cause = error.__cause__
        raise _unreachable(box.address, cause if isinstance(cause, GrokboxError) else error) from error
    except BaseException:
        box.close()
        raise


def _upload(box: Connection, weights: Mapping[str, Any] | SafetensorsFile, step: int, deadline: Deadline) -> str:
    if isinstance(weights, Mapping):
        return arrays.upload(box, weights, step, deadline)
    return upload_file(box, weights, deadline)


def _unreachable(address: str, error: GrokboxError) -> GrokboxError:
    texts = {
        "UNAVAILABLE": f"no grokbox server answers at {address}: {error.message}. Is it running there, and is the port "
        "right?",
        "DEADLINE_EXCEEDED": f"{address} did not answer in time: {error.message}",
        "UNIMPLEMENTED": f"the server at {address} is not a grokbox server: {error.message}",
    }
    text = texts.get(error.code, f"can't use the server at {address}: {error.message}")
    return GrokboxError(text, error.code, error.reason, {**error.metadata, "address": address})


def _engine(message: Any) -> EngineInfo:
    timings = tuple(EngineTiming(**_fields(timing)) for timing in message.timings)
    return EngineInfo(**{**_fields(message), "memory": _memory(message), "timings": timings})


def _memory(message: Any) -> MemoryInfo | None:
    return MemoryInfo(**_fields(message.memory)) if message.HasField("memory") else None


def _fields(message: Any) -> dict[str, Any]:
    return {field.name: getattr(message, field.name) for field in message.DESCRIPTOR.fields}
