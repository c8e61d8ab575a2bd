"""Frozen values of the lab (pydantic and the standard library). Imports nothing else of ours."""

from lab.core.base import Value, content_key
from lab.core.errors import (
                             AccessError,
                             DataError,
                             DiskError,
                             Failure,
                             LabError,
                             MemoryError_,
                             ModelError,
                             ScoringError,
                             Stopped,
                             TrainingError,
                             failure_of,
)
from lab.core.evaluations import MEASURES, Columns, Evaluation, Measured, Numbers, Passage, Score
from lab.core.experiments import Experiment
from lab.core.outcomes import Outcome, Place
from lab.core.pretraining import OBJECTIVES, Pretraining
from lab.core.runs import ALLOWED, FINAL, Event, Run, State
from lab.core.settings import PASSAGE_FORMAT, TINY_PARAMETERS, WORLD_TEXT, Dpo, Prompting, Retrieval, Sft, Stage, proposed_retrieval, proposed_stage
from lab.core.systems import PLAIN_TEMPLATE, Base, System, adapter_key, index_key, system_key, trains_with, used_data, weights_key
from lab.core.tasks import Document, Example, Item, Judge, Preference, Scorer, Section, Suite, SuiteMark, Task, TaskData, training_rows

__all__ = [name for name in dir() if not name.startswith("_")]
