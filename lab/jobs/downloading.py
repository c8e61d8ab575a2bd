"""One download, in a process of its own: the parts of each file, resumed and held against the hub's checksums, then the artifact, whole or
not at all. `python -m lab download` is this."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import httpx

from lab import store
from lab.core import AccessError, DiskError, LabError, ModelError, failure_of
from lab.jobs import downloads, hub, hub_client
from lab.jobs.hub import HubFile, HubRepo

PIECE = 1 << 20
TRIES = 6  # in a row without one more byte
FIRST_WAIT, SLOWEST = 0.5, 30.0  # seconds between two tries: doubled each time
SPARE = 500 << 20  # bytes that stay free on the disk
OFTEN = 0.5  # seconds between two words of progress
BUSY = (429, 500, 502, 503, 504)


def main(name: str, revision: str = "main", kind: hub.Kind = "model", names: Sequence[str] = (), say: Callable[[str], None] = print) -> int:
    """Look, download, keep; a page that watches reads progress.json meanwhile. Raises LabError, which is written there too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, so that drafts are taken away
    watched = _watched(name, revision, kind, names)
    try:
        found = hub.look(name, revision, kind)
        repo = found.only(names) if names else found
        say(f"{repo.repo} at {repo.commit[:12]}: {len(repo.files)} files, {repo.total / 1e6:,.1f} MB, licence {repo.licence}")
        key = download(repo, say)
    except (LabError, OSError) as error:
        if watched and (last := downloads.read(watched)):
            downloads.write(last.model_copy(update={"state": "failed", "failure": failure_of(error, name)}))
        if isinstance(error, LabError):
            raise
        raise DiskError(failure_of(error).what, name, "Mend this and start the same download again: it goes on where it stopped") from error
    except KeyboardInterrupt:
        say("Left. The same command goes on where this one stopped.")
        return 130
    say(f"Kept: {store.place('artifacts', key)}\nThe page {'Build offers it as a base' if kind == 'model' else 'Data offers it as a table'}.")
    return 0


def _watched(name: str, revision: str, kind: hub.Kind, names: Sequence[str]) -> str:
    """The key under which somebody may wait for this: known beforehand where the revision is a commit."""
    store.downloads.demand_names(name, revision)
    if not store.downloads.COMMIT.fullmatch(revision):
        return ""
    return store.downloads.model_key(name, revision) if kind == "model" else store.downloads.data_key(name, revision, names)


def download(repo: HubRepo, say: Callable[[str], None] = lambda words: None) -> str:
    """The artifact's key, once all files are there and right. Raises LabError; what came so far stays for the next attempt."""
    store.artifacts.sweep(repo.key)
    with store.artifacts.only_maker(repo.key):
        if store.artifacts.about(repo.key):
            shutil.rmtree(downloads.folder(repo.key), ignore_errors=True)
            return repo.key
        parts = downloads.folder(repo.key) / "parts"
        parts.mkdir(parents=True, exist_ok=True)
        _demand_room(repo)
        told = _Told(downloads.said_by(downloads.begun(repo, downloads.parts_size(repo.key)), os.getpid()), say)
        try:
            with hub_client.client() as asked:
                for number, file in enumerate(repo.files):
                    _bring(asked, repo, file, parts / f"{number:05d}", told)
            _keep(repo, parts)
        except (LabError, OSError) as error:
            told.failed(error)
            raise
        shutil.rmtree(downloads.folder(repo.key))
    return repo.key


class _Told:
    """Progress, said to progress.json and to the terminal, not more often than one can read."""

    def __init__(self, first: downloads.Download, say: Callable[[str], None]):
        self.first, self.say, self.at, self.said = first, say, 0.0, time.monotonic()
        downloads.write(first)

    def heard(self) -> None:
        now = time.monotonic()
        if now - self.at < OFTEN:
            return
        self.at = now
        done = downloads.parts_size(self.first.key)
        downloads.write(self.first.model_copy(update={"done": done}))
        if now - self.said > 10 * OFTEN:
            self.said = now
            self.say(f"{done / 1e6:,.1f} of {self.first.total / 1e6:,.1f} MB")

    def failed(self, error: Exception) -> None:
        done = downloads.parts_size(self.first.key)
        downloads.write(self.first.model_copy(update={"done": done, "state": "failed", "failure": failure_of(error, self.first.repo)}))


def _demand_room(repo: HubRepo) -> None:
    free, needed = shutil.disk_usage(store.home()).free, repo.total - downloads.parts_size(repo.key) + SPARE
    if needed > free:
        raise DiskError(f"{needed / 1e9:,.1f} GB are needed on the disk and {free / 1e9:,.1f} GB are free", str(store.home()),
                        "Free some space, or move the workspace with LAB_HOME")


def _bring(asked: httpx.Client, repo: HubRepo, file: HubFile, part: Path, told: _Told) -> None:
    """One file, whole and right. What is damaged is fetched once more from its beginning."""
    for _ in range(2):
        _fill(asked, repo, file, part, told)
        if _right(part, file):
            return
        part.unlink()
    raise ModelError(f"{file.name[:80]} arrives damaged: its checksum is not the one that the hub gives", repo.repo,
                     "Try again later; if it stays so, the hub or something on the way changes files: use another network or mirror")


def _fill(asked: httpx.Client, repo: HubRepo, file: HubFile, part: Path, told: _Told) -> None:
    """Ask for what is missing until nothing is; a broken line costs a try, and every byte gained gives all tries back."""
    left = TRIES
    part.touch()
    while (here := part.stat().st_size) < file.size:
        broken, wait = None, 0.0
        try:
            wait = _more(asked, repo, file, part, told)
        except httpx.TransportError as error:
            broken = error
        gained = part.stat().st_size > here
        left = TRIES if gained else left - 1
        if not left:
            raise hub_client.unreachable(broken) if broken else AccessError("The hub sends nothing more of a file", repo.repo, "Try again later")
        if not gained:
            time.sleep(min(SLOWEST, wait or FIRST_WAIT * 2 ** (TRIES - left - 1)))


def _more(asked: httpx.Client, repo: HubRepo, file: HubFile, part: Path, told: _Told) -> float:
    """One request's bytes, appended. Returns the seconds that a busy hub asks us to wait (0: none). Raises LabError for a refusal."""
    here = part.stat().st_size
    address, headers = hub_client.path_of(repo.kind, repo.repo, repo.commit, file.name), {"Range": f"bytes={here}-"} if here else {}
    with asked.stream("GET", address, headers=headers) as response:
        if response.status_code in BUSY:
            said = response.headers.get("Retry-After", "")
            return float(said) if said.isdecimal() else 0.0
        hub_client.demand_well(response, repo.repo)
        goes_on = response.status_code == 206 and response.headers.get("Content-Range", "").startswith(f"bytes {here}-")
        _pour(response, part, "ab" if goes_on else "wb", file.size - here * goes_on, told)
    return 0.0


def _pour(response: httpx.Response, part: Path, mode: str, room: int, told: _Told) -> None:
    """What arrives, onto the disk; not one byte more than was announced."""
    with part.open(mode) as out:
        try:
            for piece in response.iter_raw():
                out.write(piece[:room])
                room -= len(piece)
                told.heard()
                if room <= 0:
                    return
        finally:
            out.flush()
            os.fsync(out.fileno())


def _right(part: Path, file: HubFile) -> bool:
    if part.stat().st_size != file.size:
        return False
    if file.sha256:
        return store.files.sha256(part) == file.sha256
    digest = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)  # how Git, and so the hub, names small files
    with part.open("rb") as content:
        while block := content.read(PIECE):
            digest.update(block)
    return digest.hexdigest() == file.blob


def _keep(repo: HubRepo, parts: Path) -> None:
    """The parts become the artifact under the names that a model needs; a data set's files get ours, because theirs are labels."""
    about = {"kind": "download", "of": repo.kind, "repo": repo.repo, "commit": repo.commit, "licence": repo.licence, "bytes": repo.total,
             "names": [file.name for file in repo.files], "at": time.time()}
    with store.artifacts.making(repo.key, about) as folder:
        for number, file in enumerate(repo.files):
            name = file.name if repo.kind == "model" else f"{number:05d}{hub.ending(file.name)}"
            _name_too(parts / f"{number:05d}", folder / name)
        if repo.kind == "model":
            store.safety.check(folder)


def _name_too(part: Path, target: Path) -> None:
    """A second name, so that an attempt after a kill still has the parts; disks without such names get the part itself."""
    try:
        os.link(part, target)
    except OSError:
        os.replace(part, target)
