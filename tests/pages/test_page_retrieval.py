"""What one can do on the Retrieval page: build an index, ask it, measure settings side by side. Indexes and the searcher are real."""

import time

import pytest
from pages_help import opened

from lab import store
from lab.core import Document, Example, Retrieval, Scorer, Section, Task, TaskData, index_key
from lab.corpus.tokens import counter
from lab.jobs import indexing, searching
from lab.searcher import index_of
from tests.ui import workspaces

TOWNS = ("Ebrel", "Tolka", "Marnu", "Sipos", "Vendar", "Quill")


@pytest.fixture(autouse=True)
def cleared():
    yield
    searching.end()


@pytest.fixture
def data():
    """Six documents with headings, and questions that say which one holds the answer; one question says nothing."""
    documents = tuple(Document(id=f"d{number}", name=f"guide {number}.md", text=f"Harbour\n\nThe harbour of {town} has {number + 3} piers. {workspaces.NASTY}",
                               sections=(Section(start=0, page=number + 1, heading=("Harbour",)),)) for number, town in enumerate(TOWNS))
    examples = tuple(Example(id=f"{split}{number}", prompt=f"How many piers has {town}? ({split})", answer=str(number + 3), split=split,
                             documents=(f"d{number}",)) for split in ("train", "validation", "test") for number, town in enumerate(TOWNS))
    unknown = Example(id="free", prompt="Who built them?", answer="Nobody", split="validation")
    return store.tasks.save(TaskData(task=Task(id="harbours", name="Harbours <b>", scorers=(Scorer(kind="exact_match"),)), documents=documents,
                                     examples=(*examples, unknown)))


def page(view="Ask", count=2):
    return opened("retrieval", {"task": "harbours", "retrieval_view": view, "retrieval_count": str(count)})


def indexed(data):
    for chunking in ("words", "headings"):
        index_of(Retrieval(chunking=chunking), data)


def words(app):
    return "\n".join(str(element.value) for kind in ("markdown", "caption", "text", "info", "warning", "code") for element in getattr(app, kind))


def test_an_index_is_built_with_a_press_and_is_the_one_that_runs_look_for(data):
    app = page()
    assert not app.exception and "A, B: not indexed yet" in words(app)
    app.button(key="retrieval_build").click().run()
    assert not app.exception
    for settings in (Retrieval(), Retrieval(chunking="headings")):
        deadline = time.monotonic() + 60
        while indexing.look(settings, data.task).active:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert store.artifacts.find(index_key(settings, data.task))
    assert "A, B: index ready" in words(page())


def test_a_question_shows_ranks_the_right_document_and_where_a_passage_is_from(data):
    indexed(data)
    app = page()
    app.selectbox(key="retrieval_known_harbours").set_value("How many piers has Marnu? (validation)").run()
    assert not app.exception and app.text_input(key="retrieval_question_harbours").value == "How many piers has Marnu? (validation)"
    ranks = app.dataframe[0].value
    assert ranks["Source"].iloc[0] == "guide 2.md, page 3 > Harbour" and ranks["Right"].iloc[0] == "✓"
    assert list(ranks["Lexical rank"]) == list(range(1, len(ranks) + 1)) and (ranks["Right"] == "✓").sum() == 1
    assert any("Marnu" in code.value for code in app.code)
    app.segmented_control(key="retrieval_look").set_value("B").run()
    assert not app.exception and app.dataframe[0].value["Right"].iloc[0] == "✓"
    app.text_input(key="retrieval_question_harbours").set_value("xyzzy plugh").run()
    assert not app.exception and "No passage shares a word" in words(app)


def test_test_questions_are_not_offered_for_trying(data):
    indexed(data)
    assert not [option for option in page().selectbox(key="retrieval_known_harbours").options if "(test)" in option]


def test_settings_are_measured_side_by_side_on_the_validation_questions(data):
    indexed(data)
    app = page("Measure")
    assert app.segmented_control(key="retrieval_split").value == "validation" and not app.warning
    app.button(key="retrieval_measure").click().run()
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table["n"]) == [6, 6] and [name[0] for name in table["Settings"]] == ["A", "B"]
    assert table["hit@1"].iloc[0].startswith("100 %") and table["MRR"].iloc[1].startswith("1.00")
    assert "Cannot tell apart" in words(app), "equal settings are not told apart"
    app.segmented_control(key="retrieval_split").set_value("test").run()
    assert any("The test split is for the report" in warning.value for warning in app.warning)


def test_passages_of_the_facts_task_are_cut_by_tokens_built_and_measured():
    """As a user does it: choose tokens, build the index in the background, read hit@k."""
    data = store.tasks.load("facts")
    app = opened("retrieval", {"task": "facts", "retrieval_view": "Measure", "retrieval_count": "1"})
    app.segmented_control(key="retrieval_A_chunking").set_value("tokens").run()
    app.number_input(key="retrieval_A_chunk_words").set_value(40).run()
    assert not app.exception and "lexical, 40/20 tokens, top 3" in words(app)
    app.button(key="retrieval_build").click().run()
    settings, deadline = Retrieval(chunking="tokens", chunk_words=40), time.monotonic() + 60
    while indexing.look(settings, data.task).active:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    app.run().button(key="retrieval_measure").click().run()
    table = app.dataframe[0].value
    assert not app.exception and table["n"].iloc[0] == 16 and table["hit@3"].iloc[0].endswith(")")
    count = counter(store.bases.tokenizer_folder(""))
    passages = index_of(settings, data).passages
    assert len(passages) > 50 and max(count(passage.text) for passage in passages) <= 40


def test_a_tokenizer_that_is_not_there_is_said_with_the_way_out(data):
    app = page(count=1)
    app.session_state["retrieval_A_chunking"], app.session_state["retrieval_A_tokenizer"] = "tokens", "/no/such/folder"
    app.run().button(key="retrieval_build").click().run()
    deadline = time.monotonic() + 60
    while indexing.look(settings := Retrieval(chunking="tokens", tokenizer="/no/such/folder"), data.task).active:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    failure = indexing.look(settings, data.task).failure
    assert "no tokenizer.json" in failure.what and "/no/such/folder" in failure.where and "cut by words" in failure.do


def test_dense_search_asks_for_an_embedder_before_anything_is_built(data):
    indexed(data)
    app = page(count=1)
    app.segmented_control(key="retrieval_A_retriever").set_value("fusion").run()
    assert not app.exception and "needs an embedder" in words(app)
    assert "retrieval_build" not in {button.key for button in app.button}


def test_a_task_without_known_evidence_says_how_to_bring_it(data):
    bare = data.model_copy(update={"task": data.task.model_copy(update={"id": "bare"}),
                                   "examples": tuple(row.model_copy(update={"documents": ()}) for row in data.examples)})
    store.tasks.save(bare)
    index_of(Retrieval(), bare)
    app = opened("retrieval", {"task": "bare", "retrieval_view": "Measure", "retrieval_count": "1"})
    assert not app.exception and "document column" in words(app)
    assert "retrieval_measure" not in {button.key for button in app.button}


def test_the_own_task_that_was_saved_last_is_opened(data):
    time.sleep(.01)
    store.tasks.save(data.model_copy(update={"task": data.task.model_copy(update={"id": "newest", "name": "Newest"})}))
    assert opened("retrieval").selectbox(key="_task_widget").value == "newest"
