"""Asking an endpoint: patient where that helps, clear where it does not, bounded always."""

import threading
import time

import pytest
from endpoint_server import TOKEN

from lab.core import AccessError, ModelError, Stopped
from lab.remote import Client, Refused, look, verify

ASK = [{"role": "user", "content": "hello there"}]


def asked(endpoint, how, **more):
    return Client(endpoint.address(how), "echo", **more).complete(ASK, 9)


def test_a_good_answer_with_its_tokens_and_greedy_settings(endpoint):
    reply = asked(endpoint, "well")
    assert (reply.text, reply.prompt_tokens, reply.answer_tokens, reply.ended) == ("HELLO THERE", 11, 2, True) and 0 < reply.seconds < 5
    sent = endpoint.calls[-1]
    assert sent["temperature"] == 0 and sent["max_tokens"] == 9 and sent["seed"] == 0 and sent["authorization"] == ""


def test_it_comes_back_when_it_was_asked_to(endpoint):
    reply = asked(endpoint, "busy")
    first, second = [call["at"] for call in endpoint.calls if call["how"] == "busy"]
    assert reply.text == "HELLO THERE" and second - first >= 1 and reply.seconds < 1, "the wait is no part of the latency"


def test_a_failing_server_gets_another_chance_and_not_for_ever(endpoint):
    assert asked(endpoint, "shaky").text == "HELLO THERE" and endpoint.count("shaky") == 3
    with pytest.raises(ModelError, match="again and again"):
        asked(endpoint, "broken", tries=2)
    assert endpoint.count("broken") == 2


def test_a_stop_ends_a_wait(endpoint):
    begun = time.monotonic()
    with pytest.raises(Stopped):
        asked(endpoint, "broken", tries=9, should_stop=lambda: time.monotonic() - begun > 0.3)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize(("how", "words"), [("garbage", "does not speak the OpenAI protocol"), ("hollow", "does not speak the OpenAI protocol"),
                                            ("nothing", "does not know what it is asked for"), ("endless", "does not end")])
def test_what_is_no_answer_is_said_without_showing_it(endpoint, how, words):
    with pytest.raises(ModelError, match=words) as error:
        asked(endpoint, how)
    assert endpoint.address(how) in str(error.value) and "secret page" not in str(error.value) and error.value.failure.do


def test_a_slow_endpoint_and_an_absent_one(endpoint):
    with pytest.raises(ModelError, match="in time"):
        asked(endpoint, "slow", tries=1, wait=0.3)
    with pytest.raises(ModelError, match="cannot be reached"):
        Client("http://127.0.0.1:9/v1", "echo", tries=1).complete(ASK, 9)


def test_one_refused_item_is_its_own_kind_of_failure(endpoint):
    with pytest.raises(Refused, match="This prompt is too long"):
        asked(endpoint, "full")


def test_newer_names_of_settings_are_learnt_once(endpoint):
    client = Client(endpoint.address("newer"), "echo")
    assert client.complete(ASK, 9).text == "HELLO THERE" and endpoint.count("newer") == 3
    assert client.complete(ASK, 9).text == "HELLO THERE" and endpoint.count("newer") == 4
    assert endpoint.calls[-1]["max_completion_tokens"] == 9 and endpoint.calls[-1]["temperature"] == 0


def test_half_a_sign_can_be_written_to_a_file(endpoint, tmp_path):
    reply = asked(endpoint, "halves")
    (tmp_path / "a").write_text(reply.text, "utf-8")
    assert reply.ended is False and reply.prompt_tokens is None and reply.answer_tokens is None, "what was not told is not zero"


def test_the_key_opens_and_is_not_repeated(endpoint, monkeypatch):
    with pytest.raises(AccessError) as error:
        look(endpoint.address("locked"))
    assert "no key was sent" in str(error.value) and "LAB_ENDPOINT_KEY" in str(error.value)
    monkeypatch.setenv("LAB_ENDPOINT_KEY", TOKEN + "-wrong")
    with pytest.raises(AccessError) as error:
        look(endpoint.address("locked"))
    assert TOKEN not in str(error.value) and "LAB_ENDPOINT_KEY" in str(error.value)
    monkeypatch.setenv("LAB_ENDPOINT_KEY", TOKEN)
    assert [one.name for one in look(endpoint.address("locked"))] == ["echo", "second"]


def test_a_redirect_is_not_followed_with_the_key(endpoint, monkeypatch):
    monkeypatch.setenv("LAB_ENDPOINT_KEY", TOKEN)
    before = endpoint.count("well")
    with pytest.raises(ModelError, match="elsewhere"):
        look(endpoint.address("elsewhere"))
    assert endpoint.count("well") == before


def test_a_model_is_there_where_it_is_listed_or_answers(endpoint):
    assert verify(endpoint.address(), "echo").context == 777 and verify(endpoint.address(), "second").context == 0
    assert endpoint.calls[-1]["path"] == "models", "a listed model is not asked"
    assert verify(endpoint.address(), "unlisted").name == "unlisted"
    with pytest.raises(ModelError) as error:
        verify(endpoint.address(), "missing")
    assert "It lists: echo, second" in str(error.value)
    assert look(endpoint.address("listless")) == () and verify(endpoint.address("listless"), "echo").context == 0
    for how in ("nothing", "page"):
        with pytest.raises(ModelError):
            verify(endpoint.address(how), "echo")


def test_a_look_is_remembered_for_a_moment(endpoint):
    address = endpoint.address("well")
    before = len(endpoint.calls)
    assert look(address) == look(address) and len(endpoint.calls) == before + 1


def test_pieces_come_as_they_are_written(endpoint):
    begun, at = time.monotonic(), []
    words = ""
    for chunk in Client(endpoint.address(), "echo").stream([{"role": "user", "content": "one two three four five"}], 9):
        words += chunk["choices"][0]["delta"].get("content", "")
        at.append(time.monotonic() - begun)
    assert words.split() == ["ONE", "TWO", "THREE", "FOUR", "FIVE"] and at[-1] - at[0] > 0.05


def test_several_threads_share_one_client(endpoint):
    client, found = Client(endpoint.address(), "echo"), {}
    threads = [threading.Thread(target=lambda n=n: found.update({n: client.complete([{"role": "user", "content": f"n{n}"}], 9).text}))
               for n in range(12)]
    [thread.start() for thread in threads]
    [thread.join(20) for thread in threads]
    assert found == {n: f"N{n}" for n in range(12)}
