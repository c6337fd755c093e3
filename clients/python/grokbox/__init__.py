"""The client of the grokbox training server: ``grokbox.connect`` is where to begin."""

from .analysis import ActivationScores, Evaluation, FrequencyGroup, LayerMeasures, MeanAndSpread, Spectrum
from .box import AbsentEngine, EngineInfo, EngineTiming, Grokbox, MemoryInfo, ServerInfo, StorageInfo, connect
from .errors import FieldViolation, GrokboxError
from .infos import (
    ActivationSwapped,
    EngineMoved,
    SessionEvent,
    SessionForked,
    SessionInfo,
    Snapshot,
    SnapshotRestored,
    Stages,
    StopReason,
    SweepOrigin,
    TriggerFired,
)
from .measures import MeasureInput, ScheduledMeasure
from .mechanism import (
    Ablated,
    Flow,
    FrequencyVote,
    Logits,
    Lottery,
    NeuronPoint,
    PairGrids,
    RaceStep,
    Voting,
    VotingTheory,
    WorstPair,
)
from .plans import Plateau, RunPlan, StopCondition, Threshold, at_least, at_most
from .points import ClassAccuracy, ExtraMeasures, ProgressGap, ProgressPoint, ProgressReset, Scores
from .retention import Durability, Lineage, SnapshotSchedule
from .sessions import Run, Session
from .specs import (
    AdamW,
    Changes,
    Embedding,
    ExplicitSplit,
    Grokfast,
    PythonSplit,
    RandomInit,
    Sgd,
    SingleFrequencyInit,
    Spec,
    TorchSplit,
    UploadedInit,
)
from .sweep_infos import Band, SweepBands, SweepDefinition, SweepInfo, SweepRun
from .sweep_watching import SweepEvent
from .sweeps import Sweep
from .triggers import ForkAction, PauseAction, SnapshotAction, Trigger
from .watching import ProgressEvent

__version__ = "0.1.0"

__all__ = [name for name in dir() if name[0].isupper()] + ["at_least", "at_most", "connect"]
