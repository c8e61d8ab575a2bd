"""A small endpoint that speaks the OpenAI protocol and misbehaves on request: the address's first part names how.

Its model "echo" answers with what was asked, in capitals. `Endpoint.calls` holds what came in.
"""

import asyncio
import json
import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, StreamingResponse
from starlette.routing import Route

TOKEN = "sk-test-7f3a"
MODELS = {"object": "list", "data": [{"id": "echo", "object": "model", "max_model_len": 777}, {"id": "second", "object": "model"}]}


def refusal(status, message, **headers):
    return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status, headers=headers)


class Endpoint:
    """Lives in a thread of the test. `address(how)`: where it behaves like that."""

    def __init__(self):
        self.calls, self.at_once, self.most_at_once = [], 0, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        routes = [Route("/{how}/v1/models", self.models), Route("/{how}/v1/chat/completions", self.chat, methods=["POST"])]
        self.server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.thread.start()

    def address(self, how="well"):
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/{how}/v1"

    def close(self):
        self.server.should_exit = True
        self.thread.join(5)

    def count(self, how):
        return sum(call["how"] == how for call in self.calls)

    async def models(self, request):
        how = request.path_params["how"]
        self.calls.append({"how": how, "path": "models", "authorization": request.headers.get("authorization", "")})
        if how == "locked" and request.headers.get("authorization") != f"Bearer {TOKEN}":
            return refusal(401, f"Incorrect API key provided: {TOKEN}")
        if how == "elsewhere":
            return RedirectResponse(self.address("well") + "/models", 307)
        if how in ("listless", "nothing"):
            return PlainTextResponse("not found", 404)
        return PlainTextResponse("<html>Welcome</html>") if how == "page" else JSONResponse(MODELS)

    async def chat(self, request):
        how, body = request.path_params["how"], json.loads(await request.body())
        self.calls.append({"how": how, "path": "chat", "at": time.monotonic(), "authorization": request.headers.get("authorization", ""), **body})
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.01)
            return await getattr(self, f"_{how}", self._well)(body)
        finally:
            self.at_once -= 1

    async def _well(self, body):
        if body["model"] not in ("echo", "unlisted"):
            return refusal(404, f"The model {body['model']} does not exist")
        words = body["messages"][-1]["content"].upper()
        usage = {"prompt_tokens": 11, "completion_tokens": len(words.split()), "total_tokens": 11 + len(words.split())}
        if body.get("stream"):
            return StreamingResponse(self._pieces(words, usage), media_type="text/event-stream")
        choice = {"index": 0, "message": {"role": "assistant", "content": words}, "finish_reason": "stop"}
        return JSONResponse({"id": "c", "object": "chat.completion", "model": "echo", "choices": [choice], "usage": usage})

    async def _pieces(self, words, usage):
        for word in words.split(" "):
            yield "data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": word + " "}, "finish_reason": None}]}) + "\n\n"
            await asyncio.sleep(0.02)
        yield "data: " + json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage}) + "\n\ndata: [DONE]\n\n"

    async def _nothing(self, body):
        return PlainTextResponse("not found", 404)

    async def _locked(self, body):
        return await self._well(body)

    async def _busy(self, body):
        return refusal(429, "Slow down", **{"Retry-After": "1"}) if self.count("busy") < 2 else await self._well(body)

    async def _shaky(self, body):
        return PlainTextResponse("oops", 500) if self.count("shaky") < 3 else await self._well(body)

    async def _broken(self, body):
        return PlainTextResponse("oops", 503)

    async def _garbage(self, body):
        return PlainTextResponse("<html>secret page</html>")

    async def _hollow(self, body):
        return JSONResponse({"choices": []})

    async def _halves(self, body):
        said = {"choices": [{"message": {"content": "half \ud83d"}, "finish_reason": "length"}]}
        return PlainTextResponse(json.dumps(said), media_type="application/json")

    async def _slow(self, body):
        await asyncio.sleep(3)
        return await self._well(body)

    async def _endless(self, body):
        async def drip():
            while True:
                yield b" " * 262_144
                await asyncio.sleep(0)  # lets the server see that the client has left
        return StreamingResponse(drip(), media_type="application/json")

    async def _newer(self, body):
        if "max_tokens" in body:
            return refusal(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        return refusal(400, "Unknown field: seed") if "seed" in body else await self._well(body)

    async def _choosy(self, body):
        return refusal(400, "This prompt is too long") if "LONG" in body["messages"][-1]["content"] else await self._well(body)

    async def _full(self, body):
        return refusal(400, "This prompt is too long")
