"""Pretrainings as the screens show them: the ladder and its chart, what a run will take, which checkpoints are asked and by whom."""

import json
import math

import pandas as pd
import pytest

from lab import store
from lab.core import Pretraining
from lab.ui import bases, charts, checkpoints, pretraining, reads
from lab.world.presets import PRESETS
from tests.ui import pretrainings

NASTY = "<b>x</b><a href='javascript:1'>y</a>"


def test_the_table_of_sizes_is_that_of_the_presets():
    assert {name: size.steps for name, size in pretraining.SIZES.items()} == {name: preset.total for name, preset in PRESETS.items()}


def test_an_estimate_comes_from_the_table_until_this_machine_has_its_own_pace():
    before = pretraining.estimate(Pretraining(preset="XS"))
    assert not before.here and before.seconds == pytest.approx(5_800 * pretraining.SIZES["XS"].seconds)
    run = pretrainings.finished()
    reads.look_again()
    after = pretraining.estimate(Pretraining(preset="XS", steps=1_000))
    assert after.here and after.seconds == pytest.approx(500, rel=0.01), "the made-up run took half a second per step"
    assert not pretraining.estimate(Pretraining(preset="XS", objective="masked")).here, "another objective is another pace"
    assert pretraining.seconds_per_step(run.id) == pytest.approx(0.5)


@pytest.mark.parametrize("seconds, words", [(20, "About a minute"), (960, "About 16 minutes"), (13_000, "About 3.6 hours")])
def test_a_guess_is_not_said_to_the_second(seconds, words):
    assert pretraining.about(seconds) == words


def test_the_ladder_has_every_probe_at_every_checkpoint_with_its_interval():
    run = pretrainings.finished()
    frame = pretraining.ladder(run.id)
    assert len(frame) == len(pretrainings.JUMPS) * pretrainings.TOTAL // pretrainings.EVERY
    capitals = frame[frame["ability"] == "capitals"]
    assert capitals["step"].is_monotonic_increasing and capitals["value"].tolist() == [pretrainings.share("capitals", step) for step in capitals["step"]]
    inner = capitals[capitals["step"] < pretrainings.TOTAL]
    assert (inner["n"] == pretrainings.N).all() and (inner["low"] <= inner["value"]).all()
    assert capitals[capitals["step"] == pretrainings.TOTAL]["low"].isna().all(), "the last base carries the final probes, which are other questions"


def test_few_lines_are_drawn_at_first_and_all_can_be_chosen():
    names = pretraining.abilities(pretraining.ladder(pretrainings.finished().id))
    assert set(names) == set(pretrainings.JUMPS)
    assert 6 <= len(pretraining.first(names)) <= 8 and names[:len(pretraining.first(names))] == pretraining.first(names)
    heads = pd.DataFrame({"ability": [f"head, {n} labels" for n in (256, 16, 64)]})
    assert pretraining.abilities(heads) == ["head, 16 labels", "head, 64 labels", "head, 256 labels"]
    assert pretraining.first(["a", "b"]) == ["a", "b"], "other probes than the usual ones are drawn all the same"


def test_the_shipped_base_shows_how_it_was_made():
    source = f"shipped-{store.bases.shipped()[0]}"
    assert source in pretraining.sources()
    frame, losses = pretraining.ladder(source), pretraining.losses(source)
    assert frame["step"].max() == pretraining.steps_in_all(source) and frame["value"].between(0, 1).all()
    assert losses[losses["series"] == "training"]["value"].iloc[-1] < losses[losses["series"] == "training"]["value"].iloc[0]
    assert len(pretraining.probe_table({"x": pretraining.last_of(source)})) >= frame["ability"].nunique()


def test_what_was_not_measured_says_why():
    masked = pretrainings.finished(Pretraining(objective="masked", steps=400, checkpoints=8), 2)
    alone = pretraining.probe_table({"x": pretraining.last_of(masked.id)})
    assert "fills gaps" in alone.set_index("Ability").loc["writes an answer", "Share"]
    causal = pretrainings.finished()
    reads.look_again()
    both = pretraining.probe_table({"next": pretraining.last_of(causal.id), "masked": pretraining.last_of(masked.id)}).set_index("Ability")
    assert both.loc["writes an answer", "next"] == "–" and "100 %" in both.loc["capitals", "next"] and "n = 100" in both.loc["capitals", "next"]


def rows(*names, low=None):
    return pd.DataFrame([{"ability": name, "step": step, "value": step / 100, "low": low, "high": 1.0, "n": 25, "run": run}
                         for name in names for run in ("one", "two") for step in (50, 100)])


def test_the_chart_has_one_named_line_per_ability():
    frame = rows("capitals", NASTY, low=.1)
    frame = frame[frame["run"] == "one"]
    figure = charts.ladder_chart(frame, charts.ability_styles(["words", "capitals", NASTY], charts.Look()), charts.Look(), total=400)
    assert len(figure.data) == len(figure.layout.annotations) == 2 and figure.layout.xaxis.range == (0, 400)
    assert "95" not in figure.data[0].customdata[0] and "n = 25" in figure.data[0].customdata[0]
    assert "<a href" not in json.dumps(figure.to_plotly_json(), default=str) and "<b>x" not in json.dumps(figure.to_plotly_json(), default=str)


def test_two_runs_have_a_field_per_ability_and_one_legend():
    styles = {"one": charts.Style("#111111", "solid", "circle"), "two": charts.Style("#222222", "dash", "square")}
    figure = charts.beside_chart(rows("a", "b", "c", "d"), styles, charts.Look())
    assert len(figure.data) == 8 and sum(bool(line.showlegend) for line in figure.data) == 2
    assert {line.line.dash for line in figure.data if line.name == "two"} == {"dash"}


def test_an_ability_keeps_its_look_whatever_is_chosen_and_kinds_share_a_colour():
    styles = charts.ability_styles(list(pretrainings.JUMPS), charts.Look())
    assert styles["reading, 1 passage"].colour == styles["reading, 3 passages"].colour != styles["capitals"].colour
    assert len({(style.colour, style.dash) for style in styles.values()}) == len(styles)
    light, dark = charts.ability_styles(["capitals"], charts.Look()), charts.ability_styles(["capitals"], charts.Look(dark=True))
    assert light["capitals"].colour != dark["capitals"].colour


@pytest.mark.parametrize("places", [[1.0] * 8, [0.0] * 8, [1.0, .98, .5, .49, .02, .01, 0], [.3], []])
def test_names_never_lie_on_each_other(places):
    from lab.ui.charts.ladder import spread
    found = sorted(spread(places, .09))
    assert all(later - earlier > .0899 for earlier, later in zip(found, found[1:])) and all(-1e-9 <= place <= 1.04 for place in found)
    assert not places or math.isclose(max(found), max(spread(places, .0)), abs_tol=.7)


def test_made_bases_are_chosen_by_title_and_step():
    run = pretrainings.finished()
    pretrainings.finished(Pretraining(objective="masked", steps=400, checkpoints=8), 2)
    titles = bases.made_titles()
    assert titles[store.bases.made_key(run.id, 50)] == "XS, next token, seed 0, step 50 of 400"
    assert len(titles) == 8, "masked ones cannot write and are not offered"


def test_two_runs_of_the_same_settings_are_told_apart():
    pretrainings.finished()
    pretrainings.finished(number=2)
    for names in (list(bases.made_titles().values()), list(pretraining.sources().values())):
        assert len(set(names)) == len(names)


def test_the_shipped_base_and_three_stages_are_asked_at_first():
    run = pretrainings.finished()
    found = checkpoints.models()
    names = checkpoints.usual(found, run.id)
    assert len(names) == checkpoints.MOST and not found[names[-1]].run
    steps = [int(found[name].label.rsplit(" ", 3)[1]) for name in names[:-1]]
    assert steps == sorted(steps) and steps[0] == 50 and steps[-1] == pretrainings.TOTAL
    assert checkpoints.usual(found, None) == names[-1:]


def test_a_checkpoint_is_asked_of_the_answerer_of_its_shape():
    pretrainings.finished()
    pretrainings.finished(number=2)
    known = list(checkpoints.models().values())
    shape = known[0].shape
    assert not checkpoints.host_of(shape, known).run, "it has the shipped base's own shape here"
    own = [model for model in known if model.run]
    assert checkpoints.host_of(shape, own) == own[-8], "else the first checkpoint of the oldest run, whatever comes later"


def test_every_example_has_its_right_answer():
    found = checkpoints.examples()
    assert set(found) == set(checkpoints.EXAMPLES) and all(item.prompt and item.answer for item in found.values())
    assert found["A passage"].prompt.startswith("Passage:")
