"""The answerer's process is started once, found again, and gives the device back."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from jobs_help import of_workspace

from lab import store
from lab.core import ModelError
from lab.jobs import answerer


def test_two_callers_get_one_answerer_and_it_goes_when_asked(toys, base, monkeypatch):
    monkeypatch.setattr(answerer, "command", lambda base: ["-m", "toy_answerer", base.fingerprint])
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(answerer.ensure, [base, base])
    assert first == second == answerer.ensure(base)
    about = store.home() / "answerer" / f"{base.fingerprint}.json"
    assert about.stat().st_mode & 0o777 == 0o600
    assert not any(first.token in word for process in of_workspace(toys) for word in process.cmdline())
    assert answerer.give_back() == 1 and of_workspace(toys) == [] and answerer.give_back() == 0
    assert answerer.living(base.fingerprint) is None
    assert answerer.ensure(base).token != first.token


def test_a_failed_start_says_why(toys, base, monkeypatch):
    monkeypatch.setattr(answerer, "command", lambda base: ["-m", "toy_answerer", base.fingerprint, "broken"])
    with pytest.raises(ModelError, match="the base is broken"):
        answerer.ensure(base)


def test_the_real_command_names_the_base(base):
    assert answerer.command(base) == ["-m", "lab", "serve", "--base", base.ref]
