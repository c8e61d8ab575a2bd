"""The answerer's HTTP side: OpenAI chat completions on the loopback address, with a bearer token. Knows no model."""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import secrets
import signal
import socket
import threading
import time
from typing import Any, AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from lab import store
from lab.core import Base
from lab.jobs import answerer as announcement
from lab.questions import Question

HOST = "127.0.0.1"
LONGEST_BODY = 1 << 20
IDLE_SECONDS = 900.0


def serve(base: Base, port: int = 0, idle_seconds: float = IDLE_SECONDS, slot: str = "cpu:0") -> None:
    """Serve until idle or told to stop. Announces itself in the workspace once questions can come. A base in memory uses the slot; one
    behind an endpoint is only passed on to, and needs none of the model's libraries."""
    answerer = _loaded(base, slot) if store.bases.has_files(base) else _relayed(base)
    token = secrets.token_urlsafe(24)
    listener = socket.create_server((HOST, port))
    server = uvicorn.Server(uvicorn.Config(_app(answerer, token), log_level="warning", lifespan="off"))
    announcement.announce(base.fingerprint, f"http://{HOST}:{listener.getsockname()[1]}", token)
    threading.Thread(target=_leave_when_idle, args=(answerer, idle_seconds), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: None)  # uvicorn raises it again after its own good end, and we still have to withdraw
    try:
        server.run(sockets=[listener])
    finally:
        announcement.withdraw(base.fingerprint)


def _loaded(base: Base, slot: str) -> Any:
    from lab.answerer import Answerer
    return Answerer(base, slot)


def _relayed(base: Base) -> Any:
    from lab.relay import Relay
    return Relay(base)


def _leave_when_idle(answerer: Any, idle_seconds: float) -> None:
    while time.monotonic() - answerer.last_used < idle_seconds:
        time.sleep(min(5.0, idle_seconds / 4))
    os.kill(os.getpid(), signal.SIGTERM)  # uvicorn ends open answers first


def _app(answerer: Any, token: str) -> Starlette:
    def allowed(request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
        return hmac.compare_digest(given.encode(), token.encode())

    async def models(request: Request) -> Response:
        if not allowed(request):
            return _error("The token is missing or wrong", 401)
        about = await asyncio.to_thread(answerer.models)
        data = [{"id": m["id"], "object": "model", "created": 0, "owned_by": "lever-lab", "max_model_len": answerer.base.context,
                 "lever_lab": m} for m in about]
        return JSONResponse({"object": "list", "data": data})

    async def completions(request: Request) -> Response:
        if not allowed(request):
            return _error("The token is missing or wrong", 401)
        body, problem = await _body(request)
        if problem:
            return problem
        return await _complete(answerer, body)

    routes = [Route("/v1/models", models), Route("/v1/chat/completions", completions, methods=["POST"])]
    # The host check keeps a web page of another origin out that points its own name at the loopback address.
    return Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])])


async def _body(request: Request) -> tuple[dict[str, Any], Response | None]:
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > LONGEST_BODY:
            return {}, _error("The request is longer than 1 MB", 413)
    try:
        body = json.loads(raw)
        turns = body["messages"]
        if not turns or turns[-1]["role"] != "user" or not all(isinstance(t["content"], str) for t in turns):
            raise ValueError("messages must be texts and end with a user's turn")
        return body, None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return {}, _error(f"The request cannot be read: {error}", 400)


def _error(message: str, status: int) -> Response:
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)


async def _complete(answerer: Any, body: dict[str, Any]) -> Response:
    loop, pieces = asyncio.get_running_loop(), asyncio.Queue()
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    question = Question(model=str(body.get("model", "base")), prompt=body["messages"][-1]["content"], history=body["messages"][:-1],
                        max_tokens=int(limit) if limit else None, tell=lambda text: loop.call_soon_threadsafe(pieces.put_nowait, text))
    answerer.waiting.put(question)
    if body.get("stream"):
        return StreamingResponse(_stream(question, pieces, body), media_type="text/event-stream")
    while await pieces.get() is not None:
        pass
    if question.failure:
        return _error(question.failure, 400)
    return JSONResponse({**_head(question, "chat.completion"), "usage": question.usage, "lever_lab": _about(question), "choices": [
        {"index": 0, "message": {"role": "assistant", "content": question.shown}, "finish_reason": _reason(question)}]})


async def _stream(question: Question, pieces: asyncio.Queue, body: dict[str, Any]) -> AsyncIterator[str]:
    try:
        while (piece := await pieces.get()) is not None:
            yield _chunk(question, {"role": "assistant", "content": piece}, None)
        if question.failure:
            yield f"data: {json.dumps({'error': {'message': question.failure}})}\n\n"
        else:
            yield _chunk(question, {}, _reason(question), lever_lab=_about(question))
            if (body.get("stream_options") or {}).get("include_usage"):
                yield f"data: {json.dumps({**_head(question, 'chat.completion.chunk'), 'choices': [], 'usage': question.usage})}\n\n"
        yield "data: [DONE]\n\n"
    finally:
        question.cancelled = True  # the client went away, or everything was said


def _chunk(question: Question, delta: dict[str, Any], reason: str | None, **extra: Any) -> str:
    choice = {"index": 0, "delta": delta, "finish_reason": reason}
    return f"data: {json.dumps({**_head(question, 'chat.completion.chunk'), 'choices': [choice], **extra}, ensure_ascii=False)}\n\n"


def _head(question: Question, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{id(question):x}", "object": kind, "created": int(time.time()), "model": question.model}


def _reason(question: Question) -> str:
    return "stop" if question.ended else "length"


def _about(question: Question) -> dict[str, Any]:
    """What the lab's own pages show beside an answer."""
    return {"passages": [p.model_dump() for p in question.asked.passages], "prompt": question.asked.text, "note": question.asked.note,
            "seconds": question.seconds, "first_token_seconds": question.first, "decoding": "greedy", "usage": question.usage}
