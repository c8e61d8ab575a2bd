"""The board's one table, the plane's paths, slices, and scores without the items that were given away."""

import numpy as np
import pytest
from evidence_help import outcome, right

from lab.compare import Making, items_in, overview, paths, slice_columns, slice_scores, with_and_without
from lab.compare.slices import ANSWER
from lab.core import Dpo, Item, Place, Prompting, Retrieval, Scorer, Sft, Suite


def runs():
    return [outcome("base", own=right(.2), family="base", capitals=right(.9), sums=right(.8)),
            outcome("SFT", own=right(.8), kl=2.5, capitals=right(.5), sums=(right(.7), None))]


def test_one_row_per_system_with_scores_distance_and_cost():
    frame = overview(runs(), "form", ("capitals", "sums"), ["base", "SFT"], making={"SFT-0": Making(seconds=60, cpu_seconds=48, size=2_000_000)}, watts=15)
    row = frame.set_index("system").loc["SFT"]
    assert (row["task value"], row["task n"], row["capitals value"]) == (.8, 100, .5) and row["task low"] < .8 < row["task high"]
    assert (row["training_seconds"], row["adapter_bytes"]) == (60, 2_000_000)
    assert row["energy_wh"] == pytest.approx(48 * 15 / 3600) and row["energy_estimated"]
    assert np.isnan(frame.set_index("system").loc["base", "energy_wh"]) and "seconds_p50" not in frame, "what nobody measured has no column"


def test_a_meters_reading_is_no_estimate():
    assert Making(cpu_seconds=100, joules=7_200).watt_hours(15) == (2.0, False)
    assert Making(cpu_seconds=240).watt_hours(15) == (1.0, True) and Making().watt_hours() == (None, True)


def test_a_path_goes_from_the_base_over_the_stages_that_were_scored():
    base, sft = runs()
    both = outcome("SFT → DPO", own=right(.9), capitals=right(.4), sums=right(.6))
    system = both.run.system.model_copy(update={"training": (*sft.run.system.training, Dpo())})
    both = both.model_copy(update={"run": both.run.model_copy(update={"system": system})})
    frame = paths([base, sft, both], "form", ["base", "SFT", "SFT → DPO"]).set_index("system")
    assert frame["before"].tolist() == ["", "base", "SFT"] and frame.loc["base", "kept"] == 1
    assert frame.loc["SFT", "kept"] == pytest.approx((.5 / .9 + .7 / .8) / 2) and frame.loc["SFT", "kept_low"] < frame.loc["SFT", "kept"]
    assert paths([base], "form", ["base"])["system"].tolist() == ["base"]


def test_a_path_goes_over_the_checkpoints_in_their_order_and_shared_ones_belong_to_the_shorter_training():
    base, sft = runs()
    both = outcome("SFT → DPO", own=right(.9), capitals=right(.4), sums=right(.6))
    system = both.run.system.model_copy(update={"training": (*sft.run.system.training, Dpo())})
    both = both.model_copy(update={"run": both.run.model_copy(update={"system": system})})

    def checkpoint(of, stage, step, own, kept):
        scored = outcome("x", own=right(own), capitals=right(kept), sums=right(kept)).evaluations
        return of.model_copy(update={"system": f"{of.system}, {stage}.{step}", "of": of.system, "evaluations": scored,
                                     "place": Place(stage=stage, kind="sft", step=step, steps=40)})

    way = [checkpoint(sft, 1, 20, .5, .5), checkpoint(sft, 1, 10, .2, .8), checkpoint(both, 1, 10, .2, .8), checkpoint(both, 1, 40, .6, .5),
           checkpoint(both, 2, 10, .85, .5)]
    frame = paths([base, sft, both, *way], "form", ["base", "SFT", "SFT → DPO"]).set_index("system")
    assert frame["before"].to_dict() == {"base": "", "SFT, 1.10": "base", "SFT, 1.20": "SFT, 1.10", "SFT": "SFT, 1.20",
                                         "SFT → DPO, 2.10": "SFT", "SFT → DPO": "SFT → DPO, 2.10"}
    assert frame.loc["SFT, 1.10", "of"] == "SFT" and frame.loc["SFT, 1.10", "value"] == pytest.approx(.2)
    alone = paths([base, both, *way[2:]], "form", ["base", "SFT → DPO"]).set_index("system")
    assert alone.loc["SFT → DPO, 2.10", "before"] == "SFT → DPO, 1.40" and alone.loc["SFT → DPO, 1.40", "before"] == "SFT → DPO, 1.10"


def suite():
    items = tuple(Item(id=f"form{n}", prompt=f"q{n}", answer="yes" if n % 2 else "no", slices={"kind": "hard" if n < 40 else "easy", "id": str(n)})
                  for n in range(100))
    return Suite(name="form", title="Form", role="task", scorers=(Scorer(kind="exact_match"),), items=items)


def test_slices_are_columns_with_few_values_and_their_scores_add_up():
    columns = slice_columns(suite())
    assert columns == {"kind": ["hard", "easy"], ANSWER: ["no", "yes"]}, "a column with a value of its own per item is no slice"
    own = outcome("SFT", own=[0.0] * 40 + [1.0] * 60).evaluations["form"]
    frame = slice_scores({"SFT": own}, suite(), "kind").set_index("slice")
    assert frame["value"].tolist() == [0, 1] and frame["n"].tolist() == [40, 60] and frame.loc["hard", "high"] > 0
    assert items_in(suite(), "kind", "hard") == {f"form{n}" for n in range(40)}


@pytest.mark.parametrize("change, concerned", [({"training": (Sft(),)}, True), ({"prompting": Prompting(shots=2)}, True), ({"training": (Dpo(),)}, False),
                                               ({"retrieval": Retrieval()}, False), ({}, False)])
def test_only_systems_that_saw_the_rows_are_scored_without_them(change, concerned):
    base = outcome("x", own=[1.0] * 10 + [0.0] * 90, family="base")
    run = base.run.model_copy(update={"system": base.run.system.model_copy(update=change)})
    frame = with_and_without([base.model_copy(update={"run": run})], "form", ["x"], {"train": frozenset(f"form{n}" for n in range(10))})
    assert len(frame) == concerned
    if concerned:
        assert (frame["value"][0], frame["without"][0], frame["without_n"][0], frame["flagged"][0]) == (.1, 0, 90, 10)
