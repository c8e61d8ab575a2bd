"""The rows of Build: few are proposed and say why, names follow their parts until one is typed, a base's context is never exceeded."""

import shutil

import pytest

from lab import store
from lab.core import Base, System
from lab.core.settings import Sft
from lab.jobs import office
from lab.ui import proposals, reads
from tests.pages.pages_help import opened
from tests.ui import workspaces


@pytest.fixture(autouse=True)
def no_processes(monkeypatch):
    monkeypatch.setattr(office, "ensure_supervisor", lambda: None)


def ticked(app):
    return [box.key.removeprefix("build_").removesuffix("_on") for box in app.checkbox if box.key and box.key.endswith("_on") and box.value]


def said(app):
    return " ".join(each.value for each in app.caption)


def chosen(*tasks):
    return opened("build").multiselect(key="build_tasks").set_value(list(tasks)).run()


def bare(name, without=()):
    """A task of the workspace without documents, pairs or training rows."""
    data = workspaces.task(f"{name}-whole", f"{name} whole")
    kept = tuple(row for row in data.examples if row.split not in without)
    empty = {part: () for part in ("documents", "preferences") if part in without}
    return store.tasks.save(data.model_copy(update={"task": data.task.model_copy(update={"id": name, "name": name}), "examples": kept, **empty}))


def test_only_what_the_task_has_data_for_is_ticked_and_the_reason_is_said(workspace):
    bare("examples", ("documents", "preferences"))
    bare("nopairs", ("preferences",))
    bare("asking", ("train", "documents", "preferences"))
    app = chosen("examples")
    assert ticked(app) == ["base", "shots", "sft"]
    assert "examples has data for: training examples (3 shots, SFT)" in said(app)
    assert "Too few or none: documents (RAG), preference pairs (SFT → DPO)" in said(app)
    assert not app.button(key="build_launch").disabled, "what is proposed can be launched"
    app.multiselect(key="build_tasks").set_value(["nopairs"]).run()
    assert ticked(app) == ["base", "shots", "rag", "sft"]
    app.multiselect(key="build_tasks").set_value(["asking"]).run()
    assert ticked(app) == ["base"] and "has no data for more" in said(app)
    app.multiselect(key="build_tasks").set_value(["nopairs", "examples"]).run()
    assert ticked(app) == ["base", "shots", "sft"] and "every one of the 2 tasks" in said(app)


def test_a_tick_of_ones_own_stays_when_another_task_is_chosen(workspace):
    bare("examples", ("documents", "preferences"))
    bare("nopairs", ("preferences",))
    app = chosen("nopairs")
    app.checkbox(key="build_rag_on").uncheck().run()
    app.checkbox(key="build_ragsft_on").check().run()
    app.multiselect(key="build_tasks").set_value(["examples"]).run()
    app.multiselect(key="build_tasks").set_value(["nopairs"]).run()
    assert ticked(app) == ["base", "shots", "sft", "ragsft"]


def test_a_systems_name_follows_its_levers_and_settings_until_one_is_typed(workspace):
    app = chosen("form")
    names = {box.key: box.value for box in app.text_input if box.key and box.key.endswith("_name")}
    assert [names[f"build_{row}_name"] for row in ("base", "shots", "rag", "sft", "dpo", "ragsft")] == ["base", "3 shots", "RAG", "SFT", "SFT → DPO",
                                                                                                       "RAG + SFT"]
    app.get_by_key("build_dpo_levers").set_value(["DPO"]).run()
    assert app.text_input(key="build_dpo_name").value == "DPO"
    app.number_input(key="build_shots_Prompting_shots").set_value(5).run()
    assert app.text_input(key="build_shots_name").value == "5 shots"
    app.text_input(key="build_dpo_name").set_value("Aligned alone").run()
    app.get_by_key("build_dpo_levers").set_value(["SFT", "DPO"]).run()
    assert app.text_input(key="build_dpo_name").value == "Aligned alone", "what was typed stays"
    app.text_input(key="build_dpo_name").set_value("").run()
    assert app.text_input(key="build_dpo_name").value == "SFT → DPO", "an emptied field follows again"
    planned = next(each.value for each in app.dataframe if "Makes" in each.value)
    assert {"base", "5 shots", "SFT → DPO"} <= set(planned["System"])


def test_two_rows_with_the_same_parts_get_names_that_differ(workspace):
    app = chosen("form")
    app.get_by_key("build_dpo_levers").set_value(["SFT"]).run()
    assert app.text_input(key="build_dpo_name").value == "SFT (2)" and not app.warning


def test_passages_cut_by_tokens_are_counted_by_the_chosen_bases_own_tokenizer(workspace, tmp_path):
    folder = tmp_path / "mine"
    shutil.copytree(store.SHIPPED / "bases" / store.bases.shipped()[0], folder)
    app = opened("build", {"build_mode": "Expert"}).multiselect(key="build_tasks").set_value(["facts"]).run()
    app.segmented_control(key="build_rag_Retrieval_chunking").set_value("tokens").run()
    assert app.selectbox(key="build_rag_Retrieval_tokenizer").value == "", "the shipped base counts with its own"
    app.selectbox(key="build_base").set_value("A local folder …").run()
    app.text_input(key="build_folder").set_value(str(folder)).run()
    assert not app.exception and app.selectbox(key="build_rag_Retrieval_tokenizer").value == str(folder)
    app.button(key="build_launch").click().run()
    (experiment,) = (store.experiments.load(name) for name in store.experiments.ids())
    (retrieval,) = (system.retrieval for system in experiment.systems if system.retrieval)
    assert (retrieval.chunking, retrieval.tokenizer) == ("tokens", str(folder)) and not app.exception


def test_a_maximum_length_beyond_the_bases_context_is_lowered_with_a_word_and_comes_back(workspace, tmp_path, monkeypatch):
    folder = tmp_path / "narrow"
    folder.symlink_to(store.SHIPPED / "bases" / store.bases.shipped()[0])
    app = opened("build", {"build_mode": "Expert"})
    context = reads.base("shipped", app.selectbox(key="build_base").value).context
    field = next(box for box in app.number_input if box.key == "build_sft_SFT_max_length")
    field.set_value(context - 100).run()
    assert "maximum length typed" not in said(app)
    narrow = reads.base("folder", str(folder)).model_copy(update={"context": context // 2})
    monkeypatch.setattr(reads, "base", lambda kind, ref: narrow)
    app.selectbox(key="build_base").set_value("A local folder …").run()
    app.text_input(key="build_folder").set_value(str(folder)).run()
    assert not app.exception and f"SFT: the maximum length typed is {context - 100:,} tokens and this base reads {context // 2:,}" in said(app)
    monkeypatch.undo()
    monkeypatch.setenv("LAB_HOME", str(workspace))
    app.selectbox(key="build_base").set_value(store.bases.shipped()[0]).run()
    assert next(box for box in app.number_input if box.key == "build_sft_SFT_max_length").value == context - 100
    assert "maximum length typed" not in said(app)


def test_no_stage_reads_more_than_its_base_does():
    base = Base(kind="folder", ref="x", fingerprint="f", context=512)
    system = System(name="s", base=base, training=(Sft(max_length=1024), Sft(max_length=256)))
    assert [stage.max_length for stage in proposals.within_context(system).training] == [512, 256]
    unsaid = system.model_copy(update={"base": base.model_copy(update={"context": 0})})
    assert proposals.within_context(unsaid) == unsaid and proposals.clamped_lines([unsaid]) == []


def test_ticks_and_names_belong_to_their_tasks_and_the_sentence_says_only_what_is_ticked(workspace):
    bare("first", ("documents", "preferences"))
    bare("second", ("documents", "preferences"))
    app = chosen("first")
    assert "Ticked: the base, and what first has data for" in said(app)
    app.checkbox(key="build_sft_on").uncheck().run()
    app.text_input(key="build_name").set_value("About the first").run()
    assert ticked(app) == ["base", "shots"] and "Ticked:" not in said(app) and "The ticks are your own" in said(app)
    app.multiselect(key="build_tasks").set_value(["second"]).run()
    assert ticked(app) == ["base", "shots", "sft"] and "Ticked: the base, and what second has data for" in said(app)
    assert app.text_input(key="build_name").value == "My experiment"
    app.switch_page("pages/data.py").run()
    app.switch_page("pages/build.py").run()
    app.multiselect(key="build_tasks").set_value(["first"]).run()
    assert ticked(app) == ["base", "shots"] and app.text_input(key="build_name").value == "About the first"
