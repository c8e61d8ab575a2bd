"""Chats in data files: lists of messages in the two usual spellings (role/content, from/value). Says what is asked and what is answered."""

from __future__ import annotations

import json
from typing import Any

ROLES = {"user": "user", "human": "user", "assistant": "assistant", "gpt": "assistant", "model": "assistant", "bot": "assistant",
         "function_call": "assistant", "system": "system", "developer": "system", "tool": "tool", "observation": "tool", "function": "tool",
         "ipython": "tool"}
PARTS = ("prompt", "answer", "all")
_TURN = "\n\nAssistant:"


def turns(value: Any) -> list[tuple[str, str]] | None:
    """(role, text) of each message; None where the value is no message list. One message counts as a list of one."""
    messages = [value] if isinstance(value, dict) else value
    if not isinstance(messages, list) or not messages or not all(_is_message(message) for message in messages):
        return None
    return [(ROLES.get(str(message.get("role") or message.get("from")).lower(), "user"), _text(message)) for message in messages]


def part(value: Any, name: str) -> str:
    """`answer`: the last assistant turn. `prompt`: what stands before it. `all`: everything.

    A text is its own answer; one that writes a dialogue with "Human:" and "Assistant:" is cut before the last "Assistant:".
    """
    if isinstance(value, str):
        return _text_part(value, name)
    found = turns(value)
    if found is None:
        raise ValueError("this is no list of messages")
    last = max((number for number, (role, _) in enumerate(found) if role == "assistant"), default=None)
    if name == "answer":
        if last is None:
            raise ValueError("no message of the assistant: there is no answer")
        return found[last][1]
    return written(found[:last] if name == "prompt" and last is not None else found)


def written(found: list[tuple[str, str]]) -> str:
    """Messages as one text: a single question (behind its system message) as it is, several turns with their roles before them."""
    system = [text for role, text in found if role == "system" and text]
    rest = [(role, text) for role, text in found if role != "system"]
    body = rest[0][1] if len(rest) == 1 and rest[0][0] == "user" else "\n".join(f"{role}: {text}" for role, text in rest)
    return "\n\n".join([*system, body])


def _text_part(value: str, name: str) -> str:
    if _TURN not in value or name == "all":
        return "" if name == "prompt" else value
    before, after = value.rsplit(_TURN, 1)
    if name == "answer":
        return after
    before = before.strip().removeprefix("Human:").strip()
    return before if "\n\nHuman:" not in before else "user: " + before.replace("\n\nHuman:", "\nuser:").replace(_TURN, "\nassistant:")


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and bool({"role", "from"} & value.keys()) and bool({"content", "value", "tool_calls"} & value.keys())


def _text(message: dict[str, Any]) -> str:
    content = message["value"] if "value" in message else message.get("content")
    if isinstance(content, list):  # parts of a message; pictures have no text
        content = "\n".join(str(piece.get("text", "")) for piece in content if isinstance(piece, dict))
    if not content and message.get("tool_calls"):
        calls = [call.get("function", call) for call in message["tool_calls"] if isinstance(call, dict)]
        return json.dumps(calls, ensure_ascii=False)
    return content if isinstance(content, str) else "" if content is None else json.dumps(content, ensure_ascii=False)
