"""What came from a hub: which artifact holds which commit of which repository. Ids are checked here before they become names or addresses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from lab.core import DataError, ModelError, content_key
from lab.store import files
from lab.store.places import home

MODEL, DATA = "hub-", "hubdata-"  # how the artifacts' names begin
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}"
REPOSITORY = re.compile(f"{_PART}/{_PART}")
REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")
COMMIT = re.compile(r"[0-9a-f]{40}")


def demand_names(repository: str, revision: str = "main") -> None:
    """Refuse what is no id or revision of a hub. Raises DataError."""
    if not REPOSITORY.fullmatch(repository) or ".." in repository:
        raise DataError("This is not a repository's id", repr(repository)[:80], "Give it as owner/name, as it stands on the hub's page")
    if not REVISION.fullmatch(revision) or ".." in revision or "//" in revision or revision.endswith("/"):
        raise DataError("This is not a revision", repr(revision)[:80], "Give a branch (main), a tag or a commit")


def model_key(repository: str, commit: str) -> str:
    """The artifact key of a model's commit."""
    return MODEL + content_key(repository, commit)


def data_key(repository: str, commit: str, names: Sequence[str]) -> str:
    """The artifact key of some files of a data set's commit."""
    return DATA + content_key(repository, commit, sorted(names))


def parts(ref: str) -> tuple[str, str]:
    """(repository, commit) of a hub base's ref. Raises ModelError."""
    repository, _, commit = ref.partition("@")
    if not REPOSITORY.fullmatch(repository) or ".." in repository or not COMMIT.fullmatch(commit):
        raise ModelError("This is not a commit of a hub's repository", repr(ref)[:80], "Name it as owner/name@commit with all 40 digits")
    return repository, commit


def there(prefix: str) -> list[dict[str, Any]]:
    """What the downloads wrote beside the files they kept (repo, commit, licence, bytes, at), each with its artifact "key"; newest first."""
    root = home() / "artifacts"
    found = [files.read_json(path) | {"key": path.parent.name} for path in root.glob(f"{prefix}*/manifest.json")]
    return sorted(found, key=lambda about: about["at"], reverse=True)
