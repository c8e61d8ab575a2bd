"""The only room that knows file names. Values in, values out; every write is whole or not at all."""

from lab.store import artifacts, bases, downloads, evaluations, experiments, files, removed, runs, safety, tasks, texts
from lab.store.places import SHIPPED, home, new_id, place

__all__ = ["SHIPPED", "artifacts", "bases", "downloads", "evaluations", "experiments", "files", "home", "new_id", "place", "removed", "runs",
           "safety", "tasks", "texts"]
