"""A room of voters: Streamlit sessions over real websockets, as many as wanted in one thread. Each sees what a browser would be sent."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

PATIENCE, QUIET = 60, 0.15  # seconds for one answer of the server; without a word, after it ended


@dataclass
class Guest:
    """One browser on the vote's link."""

    address: str
    query: str
    buttons: dict[str, str] = field(default_factory=dict)  # label -> widget id
    words: list[str] = field(default_factory=list)
    page: str = ""
    waits: list[float] = field(default_factory=list)  # seconds from a click to the next screen

    async def __aenter__(self) -> "Guest":
        self.socket = await websockets.connect(f"{self.address.replace('http', 'ws', 1)}/_stcore/stream", subprotocols=["streamlit"], max_size=None)
        return self

    async def __aexit__(self, *about) -> None:
        await self.socket.close()

    async def see(self, press: str = "", times: int = 1) -> None:
        """Open the page, or press a button `times` times at once (the server may answer that by one screen or by several), and wait for
        the screen that follows."""
        began = time.monotonic()
        for _ in range(times):
            await self._send(press)
        await self._screen()
        if press:
            self.waits.append(time.monotonic() - began - QUIET)

    async def _send(self, press: str) -> None:
        message = BackMsg()
        message.rerun_script.query_string = self.query
        message.rerun_script.page_script_hash = self.page
        if not self.page:
            message.rerun_script.page_name = "vote"
        if press:
            state = message.rerun_script.widget_states.widgets.add()
            state.id, state.trigger_value = self.buttons[press], True
        await self.socket.send(message.SerializeToString())

    async def _screen(self) -> None:
        """Read until the script has ended and nothing more comes for a moment."""
        ended = False
        while True:
            try:
                data = await asyncio.wait_for(self.socket.recv(), QUIET if ended else PATIENCE)
            except TimeoutError:
                if ended:
                    return
                raise
            ended = self._take(data) or ended

    def _take(self, data: bytes) -> bool:
        message = ForwardMsg()
        message.ParseFromString(data)
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self.page = message.new_session.page_script_hash
            self.buttons, self.words = {}, []
        elif kind == "navigation":
            self.page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._element(message.delta.new_element)
        return kind == "script_finished" and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY

    def _element(self, element) -> None:
        kind = element.WhichOneof("type")
        if kind == "button" and not element.button.disabled:
            self.buttons[element.button.label] = element.button.id
        elif kind in ("markdown", "text", "heading", "exception"):
            part = getattr(element, kind)
            self.words.append(part.message if kind == "exception" else part.body)


async def vote_through(guest: Guest, dice: random.Random, double: float = 0.0) -> dict[int, str]:
    """Judge everything. Returns pair -> what was pressed; `double`: the share of hurried double taps."""
    await guest.see()
    await guest.see("Begin")
    pressed: dict[int, str] = {}
    while label := next((one for one in guest.buttons if one.endswith("is better")), None):
        label = dice.choice([one for one in guest.buttons if one.endswith("is better") or one == "Equally good"])
        choice, pair = guest.buttons[label].rsplit("ballot_", 1)[1].split("_")
        await guest.see(label, times=2 if dice.random() < double else 1)
        pressed[int(pair)] = choice
    return pressed
