"""Experiments: experiments/<id>/experiment.json, written once."""

from __future__ import annotations

from lab.core import DataError, Experiment
from lab.store import files
from lab.store.places import home, place


def save(experiment: Experiment) -> None:
    path = place("experiments", experiment.id) / "experiment.json"
    if path.exists():
        raise DataError("An experiment with this id exists already", experiment.id)
    files.write_json(path, experiment.model_dump(mode="json"))


def load(experiment_id: str) -> Experiment:
    try:
        return Experiment.model_validate(files.read_json(place("experiments", experiment_id) / "experiment.json"))
    except (OSError, ValueError) as error:
        raise DataError("This experiment cannot be read", f"experiments/{experiment_id}", "Build it again; its runs are kept") from error


def ids() -> list[str]:
    """Every experiment's id, newest first."""
    root = home() / "experiments"
    return sorted((path.parent.name for path in root.glob("*/experiment.json")), reverse=True) if root.is_dir() else []
