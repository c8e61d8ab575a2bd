"""The shell's verbs, as a user calls them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab import cli, store
from lab.jobs.tour import tour

ROOT = Path(__file__).resolve().parents[1]


def lab(*argv, timeout=120):
    return subprocess.run([sys.executable, "-m", "lab", *argv], cwd=ROOT, capture_output=True, text=True, timeout=timeout)


def test_the_doctor_says_what_the_machine_can_do_without_torch():
    done = lab("doctor", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == 0 and found["cores"] >= 1 and found["devices"] and found["disk_free"] > 0
    assert found["versions"]["torch"] and found["bases"] and found["hub"] in (True, False)
    loaded = subprocess.run([sys.executable, "-c", "import sys; from lab import doctor; doctor.text(doctor.examine(False)); "
                             "assert 'torch' not in sys.modules"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert loaded.returncode == 0, loaded.stderr


def test_the_tour_is_six_systems_on_three_needs_with_every_suite():
    experiment = tour()
    assert [system.name for system in experiment.systems] == ["base", "3 shots", "RAG", "SFT", "SFT → DPO", "RAG + SFT"]
    assert experiment.tasks == ("facts", "form", "tone") and len(experiment.suites) == 7
    for task in experiment.tasks:
        counts = store.tasks.load(task).task.counts
        assert min(counts[name] for name in ("train", "validation", "test", "preferences", "documents")) > 0


def test_a_wrong_call_is_explained(tmp_path):
    assert lab("nonsense").returncode == 2
    done = lab("resume", "no-such-run")
    assert done.returncode == 1 and "error" in done.stderr and "Traceback" not in done.stderr
    done = lab("serve", "--base", str(tmp_path))
    assert done.returncode == 1 and "config.json" in done.stderr


def test_pretraining_writes_nowhere_where_something_is(tmp_path):
    done = lab("pretrain", "--out", str(tmp_path))
    assert done.returncode == 1 and "exists already" in done.stderr


@pytest.mark.parametrize("verb", ["doctor", "tour", "pretrain", "evidence", "serve", "supervisor", "runs", "stop", "resume", "harness", "download"])
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as left:
        cli.main([verb, "--help"])
    assert left.value.code == 0 and "usage" in capsys.readouterr().out


def test_evidence_decides_what_the_workspace_has_and_refuses_unknown_groups(tmp_path, capsys):
    assert cli.main(["evidence", "--finished", "--only", "tone", "--save", str(tmp_path)]) == 1, "nothing was run"
    text, record = (tmp_path / "evidence.md").read_text("utf-8"), json.loads((tmp_path / "evidence.json").read_text("utf-8"))
    assert text in capsys.readouterr().out and "Nothing was run on tone." in text
    assert {verdict["claim"]["group"] for verdict in record["verdicts"]} == {"tone"} and record["recorded"]["date"]
    assert cli.main(["evidence", "--only", "nonsense"]) == 1 and store.experiments.ids() == []
