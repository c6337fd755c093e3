"""What looking into a network shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ._connection import Connection, Deadline
from ._filled import filled
from ._generated.v1 import analysis_pb2
from .errors import GrokboxError
from .mechanism import PairGrids, from_grids
from .points import Scores, from_scores, optional
from .weights import array_of

_PAGE_NUMBERS = 250_000
"""What fits into one answer: a neuron counts as its K coefficients and two."""


@dataclass(frozen=True)
class ActivationScores:
    """How the weights do under one activation."""

    activation: str
    """Never an alias."""
    scores: Scores
    accuracy: float
    """Over all p^2 pairs, 0 to 1."""
    loss: float | None
    """Mean cross-entropy over all p^2 pairs, nats; None when it is not finite."""


@dataclass(frozen=True)
class Evaluation:
    """Losses and accuracies of a state, in float64."""

    step: int
    scores: Scores
    accuracy: float
    """Over all p^2 pairs, 0 to 1."""
    loss: float | None
    """Mean cross-entropy over all p^2 pairs, nats; None when it is not finite."""
    dominant_only: Scores
    """With both layers projected on each neuron's dominant frequency."""
    dominant_removed: Scores
    """With that frequency taken out of both layers."""
    parameter_norm: float
    predicted_plateau: float | None
    """Share of test pairs whose other order is trained on and has the same label: the test accuracy that symmetry alone brings, 0 for
    subtraction. None without a test set."""
    grids: PairGrids | None
    """When they were asked for."""


@dataclass(frozen=True)
class MeanAndSpread:
    mean: float
    spread: float
    """Population standard deviation."""


@dataclass(frozen=True)
class LayerMeasures:
    """Of one layer, over all neurons; None when all rows are constant."""

    coefficient_ipr: float | None
    """Inverse participation ratio over all p coefficients; a pure cosine scores 0.75 on average."""
    cosine_fit: float | None
    """Mean share of a neuron's energy, mean excluded, that is at theta's dominant frequency."""
    harmonic_leakage: dict[int, float | None]
    """By harmonic h = 2..7: the median over neurons of the magnitude at h k* over that at k*."""


@dataclass(frozen=True)
class FrequencyGroup:
    """The neurons of one dominant frequency; what none of them has is None."""

    frequency: int
    neurons: int
    phase_concentration: tuple[float, ...]
    """|mean of e^{i n phi}| for n = 1..4, 0 when phases are spread evenly; empty for no neurons"""
    alpha: MeanAndSpread | None
    beta: MeanAndSpread | None
    vote: MeanAndSpread | None
    """alpha^2 beta, the strength of a neuron's vote"""


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Fourier spectra of both layers, K = (p-1)/2 frequencies, n neurons. The row of a neuron is its mean plus
    sum_k magnitude_k cos(2 pi k j / p + phase_k), k = 1..K; column 0 is k = 1. A constant row has no frequency and is left out of
    means, which are None when all are; what is at a neuron's dominant frequency leaves out the neurons whose theta is constant."""

    step: int
    first_neuron: int
    """The neuron that the first row is of."""
    theta_magnitude: np.ndarray
    """float32 [n, K]"""
    theta_phase: np.ndarray
    """float32 [n, K], radians in [-pi, pi)"""
    xi_magnitude: np.ndarray
    """float32 [n, K]"""
    xi_phase: np.ndarray
    """float32 [n, K], radians in [-pi, pi)"""
    dominant_frequency: np.ndarray
    """uint32 [n], frequency 1..K of the largest magnitude of theta; 0 where theta is constant"""
    misalignment: np.ndarray
    """float32 [n], 2 phi - psi at the dominant frequency, radians in [-pi, pi); 0 where a layer has no magnitude there"""
    neurons_per_frequency: np.ndarray
    """uint32 [K], of all M neurons, how many have which dominant frequency"""
    ipr_theta: float | None
    """Inverse participation ratio, mean over all neurons; None when all rows are constant."""
    ipr_xi: float | None
    ipr: float | None
    """Mean of both."""
    mean_abs_sin_misalignment: float | None
    max_abs_misalignment: float | None
    """Radians."""
    layer_agreement: float
    """Of the neurons whose layers both have a dominant frequency, the share that has the same one, 0 to 1; 0 of none."""
    alpha: MeanAndSpread | None
    """Magnitude of theta at the dominant frequency, over all neurons."""
    beta: MeanAndSpread | None
    """Magnitude of xi at theta's dominant frequency, over all neurons."""
    theta_mean: np.ndarray
    """float32 [n], mean of the row"""
    xi_mean: np.ndarray
    """float32 [n]"""
    theta_cosine_fit: np.ndarray
    """float32 [n], share of a neuron's energy, mean excluded, that is at its dominant frequency, 0 to 1; 0 without one"""
    xi_cosine_fit: np.ndarray
    """float32 [n]"""
    theta_measures: LayerMeasures
    xi_measures: LayerMeasures
    groups: tuple[FrequencyGroup, ...]
    """Of frequency 1, 2, ... K."""


def from_activation_scores(message: Any) -> ActivationScores:
    return ActivationScores(message.activation, from_scores(message.scores), message.accuracy, optional(message, "loss"))


def from_evaluation(message: Any) -> Evaluation:
    return Evaluation(
        step=message.step,
        scores=from_scores(message.scores),
        accuracy=message.accuracy,
        loss=optional(message, "loss"),
        dominant_only=from_scores(message.dominant_only),
        dominant_removed=from_scores(message.dominant_removed),
        parameter_norm=message.parameter_norm,
        predicted_plateau=optional(message, "predicted_plateau"),
        grids=from_grids(message.grids) if message.HasField("grids") else None,
    )


def read_spectrum(
    connection: Connection, name: str, modulus: int, first: int, count: int, deadline: Deadline
) -> Spectrum:
    """Reads a spectrum in as many answers as its neurons need."""
    most = _PAGE_NUMBERS // ((modulus - 1) // 2 + 2)
    pages = []
    for start in range(first, first + max(count, 1), most):
        request = filled(
            analysis_pb2.SpectrumRequest,
            name=name, first_neuron=start, neuron_count=min(most, first + count - start)
        )
        pages.append(connection.read(connection.analysis.Spectrum, request, deadline))
    return _merge(pages)


def _merge(pages: list[Any]) -> Spectrum:
    head = pages[0]
    for page in pages:
        if page.step != head.step:
            raise GrokboxError(
                f"the session went from step {head.step} to {page.step} while its spectrum was read; "
                "pause it, or analyse a snapshot",
                "ABORTED",
            )

    def joined(field: str) -> np.ndarray:
        return np.concatenate([array_of(getattr(page, field)) for page in pages])

    return Spectrum(
        step=head.step,
        first_neuron=head.first_neuron,
        theta_magnitude=joined("theta_magnitude"),
        theta_phase=joined("theta_phase"),
        xi_magnitude=joined("xi_magnitude"),
        xi_phase=joined("xi_phase"),
        dominant_frequency=joined("dominant_frequency"),
        misalignment=joined("misalignment"),
        neurons_per_frequency=np.array(head.neurons_per_frequency, dtype=np.uint32),
        ipr_theta=optional(head, "ipr_theta"),
        ipr_xi=optional(head, "ipr_xi"),
        ipr=optional(head, "ipr"),
        mean_abs_sin_misalignment=optional(head, "mean_abs_sin_misalignment"),
        max_abs_misalignment=optional(head, "max_abs_misalignment"),
        layer_agreement=head.layer_agreement,
        alpha=_spread(head, "alpha"),
        beta=_spread(head, "beta"),
        theta_mean=joined("theta_mean"),
        xi_mean=joined("xi_mean"),
        theta_cosine_fit=joined("theta_cosine_fit"),
        xi_cosine_fit=joined("xi_cosine_fit"),
        theta_measures=_layer(head.theta_measures),
        xi_measures=_layer(head.xi_measures),
        groups=tuple(_group(group) for group in head.groups),
    )


def _layer(message: Any) -> LayerMeasures:
    return LayerMeasures(
        optional(message, "coefficient_ipr"),
        optional(message, "cosine_fit"),
        {each.order: optional(each, "median_ratio") for each in message.harmonic_leakage},
    )


def _spread(message: Any, field: str) -> MeanAndSpread | None:
    value = getattr(message, field)
    return MeanAndSpread(value.mean, value.spread) if message.HasField(field) else None


def _group(message: Any) -> FrequencyGroup:
    return FrequencyGroup(
        message.frequency,
        message.neurons,
        tuple(message.phase_concentration),
        _spread(message, "alpha"),
        _spread(message, "beta"),
        _spread(message, "vote"),
    )
