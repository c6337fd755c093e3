"""Progress measures, and what a stream of them consists of."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any

from ._generated.v1.progress_pb2 import Stage
from .errors import bad_answer


@dataclass(frozen=True)
class ClassAccuracy:
    """Accuracies on the four classes of ordered pairs, 0 to 1; None where the class is empty."""

    common: float | None
    """Both orders in the training set."""
    rare: float | None
    """Only this order in the training set."""
    partner: float | None
    """In the test set, the other order in the training set."""
    held_out: float | None
    """Neither order in the training set."""


@dataclass(frozen=True)
class Scores:
    """Losses (mean cross-entropy, nats) and accuracies (0 to 1). What the state can't have is None."""

    train_loss: float | None
    test_loss: float | None
    train_accuracy: float | None
    test_accuracy: float | None
    accuracy: ClassAccuracy


@dataclass(frozen=True)
class ProgressGap:
    """Points that were missed because they left the retained history."""

    first_sequence: int
    last_sequence: int


@dataclass(frozen=True)
class ProgressReset:
    """The session's log is another one than was watched so far; its sequences are not comparable with those seen."""

    epoch: str
    """Of the log that follows, which begins with its oldest retained point."""


@dataclass(frozen=True)
class ExtraMeasures:
    """What a point carries because its session takes it (``SessionInfo.measures``); None where it doesn't, or can't. k* is the
    dominant frequency of a neuron's theta at this state, alpha and phi theta's magnitude and phase there, beta and psi xi's,
    D = 2 phi - psi. Drifts and ``misalignment_error`` hold the state against the decoupled gradient flow from the one at which
    the session began."""

    ipr_theta: float | None
    """Inverse participation ratio over frequencies, mean over the rows of theta, 1/K to 1."""
    ipr_xi: float | None
    """The same of xi."""
    theta_cosine_fit: float | None
    """Mean over neurons of the R^2 of theta's row and its component at k*, 0 to 1."""
    xi_cosine_fit: float | None
    """The same of xi, without the neurons whose theta has no frequency."""
    dominant_only_train_loss: float | None
    """Of a copy with both layers projected on k*, nats: what restricted loss is for transformers."""
    dominant_only_test_loss: float | None
    dominant_removed_train_loss: float | None
    """Of a copy with k* taken out of both layers, nats: what excluded loss is for transformers."""
    dominant_removed_test_loss: float | None
    magnitude_drift: float | None
    """Mean over neurons of the change of alpha^2 - 2 beta^2, over the larger alpha^2 + 2 beta^2 of the two states; 0 to 2."""
    phase_drift: float | None
    """Mean over neurons of the change of alpha^2 beta sin D, over the larger alpha^2 beta of the two states; 0 to 2."""
    misalignment_error: float | None
    """Mean over neurons of abs(D of the flow by now - D), radians, 0 to pi; without those whose flow has blown up by now."""
    max_probability_deviation: float | None
    """Largest abs(softmax - 1/p) over pairs and residues, 0 to 1 - 1/p: while it is small the flow holds."""
    voting_residual: float | None
    """Root mean square of logit minus level of the voting fit, as ``Session.logits`` has it."""
    voting_r_squared: float | None
    """Share of the variance of the logits that the levels explain, at most 1."""


@dataclass(frozen=True)
class ProgressPoint:
    """The progress measures of a session at one step: all of the state after ``step`` updates."""

    sequence: int
    """Position in the session's log, from 1, without holes."""
    step: int
    """Updates made."""
    train_loss: float
    """Mean cross-entropy over the training pairs, nats."""
    test_loss: float | None
    """The same over the test pairs; None without a test set."""
    train_accuracy: float
    """0 to 1."""
    test_accuracy: float | None
    """0 to 1; None without a test set."""
    accuracy: ClassAccuracy
    ipr: float | None
    """Inverse participation ratio over frequencies, mean of both layers. None when a layer has no row with any frequency, and
    where the session's measures don't ask for it at this step."""
    mean_abs_sin_misalignment: float | None
    """Mean over neurons of abs(sin(2 phi - psi)) at their dominant frequency, 0 to 1. None when no neuron has it in both
    layers, and where the session's measures don't ask for it at this step."""
    parameter_norm: float
    """Frobenius norm of all weights."""
    gradient_norm: float
    """Frobenius norm of the gradient of the training loss, without decay."""
    stage: str | None
    """memorization, generalization or cleanup, as far as was known then; None without a test set."""
    extra: ExtraMeasures | None = None
    """The extra measures that the session's ask for at this step; None where they ask for none."""
    epoch: str = ""
    """The log that ``sequence`` counts in, on points that were watched: what ``Session.watch`` takes to go on from there."""
    gap_before: ProgressGap | None = None
    """Of a run's points: those missed right before this one."""
    reset_before: ProgressReset | None = None
    """Of a run's points: the log was replaced right before this one."""


def optional(message: Any, field: str) -> Any:
    """A field's value, None when it is absent."""
    return getattr(message, field) if message.HasField(field) else None


def time_of(message: Any) -> datetime:
    return message.ToDatetime(tzinfo=timezone.utc)


def from_scores(message: Any) -> Scores:
    return Scores(
        train_loss=optional(message, "train_loss"),
        test_loss=optional(message, "test_loss"),
        train_accuracy=optional(message, "train_accuracy"),
        test_accuracy=optional(message, "test_accuracy"),
        accuracy=ClassAccuracy(
            common=optional(message.accuracy, "common"),
            rare=optional(message.accuracy, "rare"),
            partner=optional(message.accuracy, "partner"),
            held_out=optional(message.accuracy, "held_out"),
        ),
    )


def from_point(message: Any, epoch: str = "") -> ProgressPoint:
    scores = from_scores(message.scores)
    if scores.train_loss is None or scores.train_accuracy is None:
        raise bad_answer("the server sent a progress point without a training loss or accuracy")
    return ProgressPoint(
        sequence=message.sequence,
        step=message.step,
        train_loss=scores.train_loss,
        test_loss=scores.test_loss,
        train_accuracy=scores.train_accuracy,
        test_accuracy=scores.test_accuracy,
        accuracy=scores.accuracy,
        ipr=optional(message, "ipr"),
        mean_abs_sin_misalignment=optional(message, "mean_abs_sin_misalignment"),
        parameter_norm=message.parameter_norm,
        gradient_norm=message.gradient_norm,
        stage=stage_name(message.stage),
        extra=_from_extra(message.extra) if message.HasField("extra") else None,
        epoch=epoch,
    )


def _from_extra(message: Any) -> ExtraMeasures:
    return ExtraMeasures(**{field.name: optional(message, field.name) for field in fields(ExtraMeasures)})


def stage_name(stage: int) -> str | None:
    return enum_name(Stage, stage, "STAGE_") if stage != Stage.STAGE_UNSPECIFIED else None


def enum_name(enum: Any, value: int, prefix: str) -> str:
    """An enum value as people read it: STAGE_CLEANUP as cleanup; one of a newer server as its number."""
    try:
        return enum.Name(value).removeprefix(prefix).lower()
    except ValueError:
        return str(value)


def enum_value(enum: Any, name: str, prefix: str, what: str) -> int:
    """The number of what people write. Raises ValueError that names what is allowed."""
    names = [each.removeprefix(prefix).lower() for each in enum.keys() if not each.endswith("_UNSPECIFIED")]
    if name not in names:
        raise ValueError(f"{what} must be one of {', '.join(names)}; got {name!r}")
    return enum.Value(prefix + name.upper())
