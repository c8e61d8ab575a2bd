"""The page Ask: what was answered stays with the experiment and the task whose Systems answered."""

import pytest

from lab.core import ModelError
from lab.jobs import answerer
from tests.pages.pages_help import opened
from tests.ui import workspaces


@pytest.fixture
def two(workspace, monkeypatch):
    """Two experiments. No model is loaded: the answer is the reason for that, which is drawn where answers are."""
    def refuse(base):
        raise ModelError("No room for this model", "", "Free some memory")
    monkeypatch.setattr(answerer, "ensure", refuse)
    return workspaces.finished(1), workspaces.finished(2)


def drawn(app) -> str:
    return "\n".join(str(part.value) for kind in ("markdown", "text") for part in app.get(kind))


def test_answers_do_not_stand_under_another_experiment(two):
    app = opened("ask", {"experiment": two[0].id})
    app.button(key="ask_go").click().run()
    for _ in range(20):
        if "No room for this model" in drawn(app):
            break
        app.run()
    assert "No room for this model" in drawn(app)
    app.query_params["experiment"] = two[1].id
    app.run()
    assert not app.exception and "No room for this model" not in drawn(app)
    app.query_params["experiment"] = two[0].id
    app.run()
    assert "No room for this model" in drawn(app), "and stand there again on the way back"
