"""A judge for tests: a real server on the loopback address that speaks chat completions and answers by a rule."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route


@contextmanager
def judging(reply):
    """The server's address and the requests that it got. `reply`: from the last message's text to the reply's text, or an int: a status."""
    asked = []

    async def complete(request):
        body = await request.json()
        asked.append({"body": body, "key": request.headers.get("authorization", "")})
        said = reply(body["messages"][-1]["content"])
        if isinstance(said, int):
            return JSONResponse({"error": {"message": "no"}}, said)
        return JSONResponse({"choices": [{"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"}]})

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])]), log_level="error",
                                           lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1", asked
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
