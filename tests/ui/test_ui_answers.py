"""The client of the answerer: streams side by side, stops, and says when it cannot. A ten-line server stands in for the model."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab.core import Base, ModelError
from lab.jobs import answerer
from lab.ui import answers

BASE = Base(kind="shipped", ref="toy", fingerprint="f" * 16)
ABOUT = {"prompt": "Q: hi", "passages": [{"document": "d1", "text": "t", "score": 1.0}], "seconds": .5, "first_token_seconds": .1}


class Toy(BaseHTTPRequestHandler):
    def do_POST(self):
        model = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["model"]
        if self.headers["Authorization"] != "Bearer secret" or model == "missing":
            return self._send(400, [json.dumps({"error": {"message": "No model of this name"}})])
        pieces = [{"choices": [{"delta": {"content": word}}]} for word in (["slow "] * 50 if model == "slow" else ["Hel", "lo ", model])]
        last = {"choices": [{"delta": {}, "finish_reason": "length" if model == "long" else "stop"}], "lever_lab": ABOUT}
        self._send(200, [f"data: {json.dumps(piece)}\n\n" for piece in [*pieces, last]] + ["data: [DONE]\n\n"],
                   .1 if model == "slow" else 0)

    def _send(self, status, parts, pause=0):
        self.send_response(status)
        self.end_headers()
        for part in parts:
            try:
                self.wfile.write(part.encode())
                self.wfile.flush()
            except OSError:
                return
            time.sleep(pause)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    toy = ThreadingHTTPServer(("127.0.0.1", 0), Toy)
    threading.Thread(target=toy.serve_forever, daemon=True).start()
    place = answerer.Answerer(address=f"http://127.0.0.1:{toy.server_port}", token="secret")
    monkeypatch.setattr(answerer, "ensure", lambda base: place)
    yield toy
    toy.shutdown()


def finished(name, within=10.0):
    asking, end = answers.find(name), time.monotonic() + within
    while asking.active and time.monotonic() < end:
        time.sleep(.01)
    assert not asking.active
    return {reply.system: reply for reply in asking.replies}, asking


def test_several_systems_answer_one_question(server):
    replies, asking = finished(answers.ask("hi", BASE, {"SFT": "r1", "RAG": "r2", "gone": "missing"}))
    assert replies["SFT"].text == "Hello r1" and replies["RAG"].text == "Hello r2"
    assert replies["RAG"].passages[0].document == "d1" and replies["RAG"].seconds == .5 and replies["RAG"].first == .1
    assert replies["gone"].problem == "No model of this name" and asking.state == "done"


def test_stopping_ends_the_stream_and_keeps_what_came(server):
    name = answers.ask("hi", BASE, {"slow": "slow"})
    while not answers.find(name).replies[0].text:
        time.sleep(.01)
    answers.stop(answers.find(name))
    replies, _ = finished(name, within=2)
    assert 0 < replies["slow"].text.count("slow") < 50


def test_an_answerer_that_cannot_start_is_a_failure_in_words(monkeypatch):
    def refuse(base):
        raise ModelError("The model could not be made ready", "log", "Free some memory")
    monkeypatch.setattr(answerer, "ensure", refuse)
    _, asking = finished(answers.ask("hi", BASE, {"SFT": "r1"}))
    assert asking.state == "failed" and asking.problem.failure.do == "Free some memory"


def test_an_answerer_that_went_away_says_so(monkeypatch):
    monkeypatch.setattr(answerer, "ensure", lambda base: answerer.Answerer(address="http://127.0.0.1:9", token="x"))
    replies, _ = finished(answers.ask("hi", BASE, {"SFT": "r1"}))
    assert "cannot be reached" in replies["SFT"].problem


def test_old_askings_are_let_go(server):
    names = [answers.ask("hi", BASE, {"SFT": "r1"}) for _ in range(answers.KEPT + 3)]
    assert answers.find(names[0]) is None and answers.find(names[-1]) is not None


def test_an_answer_that_was_cut_at_the_limit_is_known(server):
    replies, _ = finished(answers.ask("hi", BASE, {"SFT": "r1", "long": "long"}))
    assert replies["long"].cut and not replies["SFT"].cut
