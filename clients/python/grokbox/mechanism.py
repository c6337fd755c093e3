"""How a network works and how it came to: logits and votes, ablations, the lottery, the decoupled flow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._connection import Connection, Deadline
from ._filled import filled
from ._generated.v1 import analysis_pb2
from .points import Scores, from_scores, optional
from .weights import array_of


@dataclass(frozen=True)
class PairGrids:
    """One value an ordered pair (x, y), [p, p], x outermost."""

    correct: np.ndarray
    """uint32, 1 where the largest logit is the label's, else 0"""
    probability: np.ndarray | None
    """float32, softmax probability of the label, 0 to 1; None when a logit is not finite"""
    pair_class: np.ndarray
    """uint32, 0 common, 1 rare, 2 partner, 3 held out"""


@dataclass(frozen=True)
class WorstPair:
    x: int
    y: int
    margin: float
    """Correct logit minus the rival's; negative where the answer is wrong."""
    rival: int
    """The residue of the largest other logit."""
    spurious: bool
    """The rival is 2x or 2y."""


@dataclass(frozen=True)
class Voting:
    """How logits stand on three levels: j = x + y is correct, j = 2x and j = 2y are spurious, all others background. Levels and
    residuals are of the pairs x != y, margins and probabilities of all."""

    correct: float
    spurious: float
    background: float | None
    """None for p = 3, which has no other residue."""
    spurious_ratio: float | None
    """(spurious - background) / (correct - background); 0.5 in theory. None when correct and background are equal but for
    rounding, and for p = 3."""
    r_squared: float | None
    """Share of the logits' variance that the levels explain; None when logits are all equal."""
    residual: float
    """Root mean square of logit minus level."""
    max_residual: float
    diagonal_correct: float
    """Of the pairs x = y."""
    diagonal_background: float
    mean_margin: float
    min_margin: float
    min_probability: float
    worst_pairs: tuple[WorstPair, ...]
    """The least margin first."""


@dataclass(frozen=True)
class FrequencyVote:
    """What the neurons of one dominant frequency contribute to logits under x^2."""

    frequency: int
    neurons: int
    signal: float
    """Sum of alpha^2 beta cos D over the neurons: what cos w(x + y - j) is multiplied with. Negative where they vote against the sum."""
    first_noise: float
    """Amplitudes of what remains of the two noise terms; 0 under full diversification."""
    second_noise: float


@dataclass(frozen=True)
class VotingTheory:
    """Levels of a fully diversified quadratic network."""

    unit: float
    """a N / 2: a = alpha^2 beta of a neuron, N neurons a frequency."""
    correct: float
    spurious: float
    background: float
    margin: float
    min_probability: float
    """A lower bound; it says nothing when below 0."""


@dataclass(frozen=True, eq=False)
class Logits:
    step: int
    activation: str
    """Never an alias."""
    pairs: np.ndarray
    """int [n, 2], of the rows of logits"""
    logits: np.ndarray
    """float64 [n, p]"""
    voting: Voting | None
    """Of the network as it is; None for tasks other than addition, and when a logit is not finite."""
    projected: Voting | None
    """Of both layers projected on each neuron's dominant frequency."""
    votes: tuple[FrequencyVote, ...]
    theory: VotingTheory | None
    """What full diversification would make of those votes; None for tasks other than addition, and unless the mean of their signals is
    positive."""


@dataclass(frozen=True)
class Ablated:
    """How a changed copy does."""

    step: int
    """Of the network that was changed; 0 of an ideal one."""
    scores: Scores
    accuracy: float
    """Over all p^2 pairs, 0 to 1."""
    loss: float | None
    """Mean cross-entropy over all p^2 pairs, nats; None when it is not finite."""
    width: int
    """Neurons left."""
    parameter_norm: float
    grids: PairGrids | None
    """When they were asked for."""


@dataclass(frozen=True, eq=False)
class RaceStep:
    """Where all K frequencies of the asked n neurons stand at one step, float32 [n, K] each."""

    step: int
    theta_magnitude: np.ndarray
    xi_magnitude: np.ndarray
    misalignment: np.ndarray
    """2 phi - psi, radians in [-pi, pi)"""


@dataclass(frozen=True, eq=False)
class Lottery:
    """Which frequency each of M neurons was to end with, and which it has."""

    step: int
    """The step that the forecast is scored against."""
    begin_step: int
    forecast: np.ndarray
    """uint32 [M], the frequency 1..K whose decoupled flow blows up first; 0 when none does"""
    confidence: np.ndarray
    """float64 [M], 1 - earliest blow-up time / second earliest, 0 to 1: 1 when a single frequency's flow blows up, 0 when none does"""
    actual: np.ndarray
    """uint32 [M], theta's dominant frequency at ``step``; 0 where theta is constant"""
    share_right: float
    """Of the neurons that have a frequency at ``step``, 0 to 1; chance is 1/K. 0 when none has."""
    share_by_misalignment: float
    """By the smallest |misalignment| at the beginning alone."""
    share_by_magnitude: float
    """By the largest magnitude of theta at the beginning alone."""
    race: tuple[RaceStep, ...]


@dataclass(frozen=True)
class NeuronPoint:
    """Where a neuron really was at a step."""

    step: int
    time: float
    """Of the flow."""
    alpha: float
    beta: float
    phi: float
    psi: float
    misalignment: float


@dataclass(frozen=True, eq=False)
class Flow:
    """n states of a flow, float64 [n] each, angles in radians in [-pi, pi)."""

    frequency: int
    times: np.ndarray
    """Fewer than asked for when it blew up before. A unit is p^2 steps of a learning rate of 1."""
    alpha: np.ndarray
    beta: np.ndarray
    phi: np.ndarray
    psi: np.ndarray
    misalignment: np.ndarray
    blow_up_time: float | None
    """None when it never grows without bound."""
    magnitude_invariant: float
    """alpha^2 - 2 beta^2 at the start."""
    phase_invariant: float
    """alpha^2 beta sin D at the start."""
    magnitude_drift: float
    phase_drift: float
    actual: tuple[NeuronPoint, ...]


def from_grids(message: Any) -> PairGrids:
    probability = array_of(message.probability) if message.HasField("probability") else None
    return PairGrids(array_of(message.correct), probability, array_of(message.pair_class))


def read_logits(
    box: Connection,
    name: str,
    activation: str,
    pairs: Sequence[tuple[int, int]] | None,
    worst_pairs: int,
    deadline: Deadline,
) -> Logits:
    request = filled(
        analysis_pb2.LogitsRequest,
        name=name,
        activation=activation,
        pairs=[filled(analysis_pb2.Pair, x=x, y=y) for x, y in ([] if pairs is None else pairs)],
        without_logits=pairs is not None and len(pairs) == 0,
        worst_pairs=worst_pairs,
    )
    answer: Any = box.read(box.analysis.Logits, request, deadline)
    theory = answer.theory
    return Logits(
        step=answer.step,
        activation=answer.activation,
        pairs=np.array([(pair.x, pair.y) for pair in answer.pairs], dtype=np.int64).reshape(-1, 2),
        logits=array_of(answer.logits),
        voting=_voting(answer.voting) if answer.HasField("voting") else None,
        projected=_voting(answer.projected) if answer.HasField("projected") else None,
        votes=tuple(
            FrequencyVote(vote.frequency, vote.neurons, vote.signal, vote.first_noise, vote.second_noise)
            for vote in answer.votes
        ),
        theory=VotingTheory(
            theory.unit, theory.correct, theory.spurious, theory.background, theory.margin, theory.min_probability
        )
        if answer.HasField("theory")
        else None,
    )


def ablate(
    box: Connection,
    network: Mapping[str, Any],
    changes: Sequence[str | Mapping[str, Any]],
    activation: str,
    grids: bool,
    deadline: Deadline,
) -> Ablated:
    """``network``: ``{"name": ...}`` or ``{"ideal": {...}}``."""
    request = filled(
        analysis_pb2.AblateRequest,
        **network,
        activation=activation,
        ablations=[_change(change) for change in changes],
        grids=grids,
    )
    answer: Any = box.read(box.analysis.Ablate, request, deadline)
    return Ablated(
        step=answer.step,
        scores=from_scores(answer.scores),
        accuracy=answer.accuracy,
        loss=optional(answer, "loss"),
        width=answer.width,
        parameter_norm=answer.parameter_norm,
        grids=from_grids(answer.grids) if answer.HasField("grids") else None,
    )


def read_lottery(box: Connection, request: analysis_pb2.LotteryRequest, deadline: Deadline) -> Lottery:
    answer: Any = box.read(box.analysis.Lottery, request, deadline)
    return Lottery(
        step=answer.step,
        begin_step=answer.begin_step,
        forecast=array_of(answer.forecast),
        confidence=array_of(answer.confidence),
        actual=array_of(answer.actual),
        share_right=answer.share_right,
        share_by_misalignment=answer.share_by_misalignment,
        share_by_magnitude=answer.share_by_magnitude,
        race=tuple(
            RaceStep(
                state.step,
                array_of(state.theta_magnitude),
                array_of(state.xi_magnitude),
                array_of(state.misalignment),
            )
            for state in answer.race
        ),
    )


def read_flow(
    box: Connection,
    start: Mapping[str, Any],
    times: Sequence[float] | None,
    euler_steps: int | None,
    time_step: float | None,
    deadline: Deadline,
) -> Flow:
    """``start``: ``{"state": ...}`` or ``{"neuron": ...}``."""
    if (times is None) == (euler_steps is None):
        raise ValueError("either times or euler_steps must be given")
    method: dict[str, Any] = (
        {"adaptive": filled(analysis_pb2.AdaptiveFlow, times=times)}
        if times is not None
        else {"euler": filled(analysis_pb2.EulerFlow, steps=euler_steps, time_step=time_step)}
    )
    request = analysis_pb2.SimulateFlowRequest(**start, **method)
    answer: Any = box.read(box.analysis.SimulateFlow, request, deadline)
    return Flow(
        frequency=answer.frequency,
        times=array_of(answer.times),
        alpha=array_of(answer.alpha),
        beta=array_of(answer.beta),
        phi=array_of(answer.phi),
        psi=array_of(answer.psi),
        misalignment=array_of(answer.misalignment),
        blow_up_time=optional(answer, "blow_up_time"),
        magnitude_invariant=answer.magnitude_invariant,
        phase_invariant=answer.phase_invariant,
        magnitude_drift=answer.magnitude_drift,
        phase_drift=answer.phase_drift,
        actual=tuple(
            NeuronPoint(at.step, at.time, at.alpha, at.beta, at.phi, at.psi, at.misalignment) for at in answer.actual
        ),
    )


def _voting(message: Any) -> Voting:
    return Voting(
        correct=message.correct,
        spurious=message.spurious,
        background=optional(message, "background"),
        spurious_ratio=optional(message, "spurious_ratio"),
        r_squared=optional(message, "r_squared"),
        residual=message.residual,
        max_residual=message.max_residual,
        diagonal_correct=message.diagonal_correct,
        diagonal_background=message.diagonal_background,
        mean_margin=message.mean_margin,
        min_margin=message.min_margin,
        min_probability=message.min_probability,
        worst_pairs=tuple(
            WorstPair(pair.pair.x, pair.pair.y, pair.margin, pair.rival, pair.spurious) for pair in message.worst_pairs
        ),
    )


def _change(change: str | Mapping[str, Any]) -> analysis_pb2.Ablation:
    if change == "project":
        return analysis_pb2.Ablation(project={})
    if isinstance(change, str) or len(change) != 1:
        raise ValueError(f'a change must be "project" or a dict with one entry; got {change!r}')
    ((kind, value),) = change.items()
    if kind in ("remove_frequencies", "keep_frequencies"):
        value = {"frequencies": list(value)}
    elif kind in ("remove_neurons", "keep_neurons"):
        value = {"neurons": list(value)}
    elif kind == "spread_phases":
        value = {"range": value}
    elif kind == "scale":
        value = {"theta": 1.0, "xi": 1.0, **value}
    elif kind != "restrict_phases":
        raise ValueError(f"{kind} is none of the changes that Session.ablate lists")
    part = type(getattr(analysis_pb2.Ablation(), kind))
    return analysis_pb2.Ablation(**{kind: filled(part, **value)})
