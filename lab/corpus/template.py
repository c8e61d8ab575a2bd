"""Chat templates: messages become text, the same way for training, for asking and for the preview on the page.

A template is code-like input (Jinja), so it runs only in the immutable sandbox. Knows no tokens and no models.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from lab.core import PLAIN_TEMPLATE, ModelError

Message = dict[str, str]
TEMPLATE_LIMIT = 200_000  # characters; the longest published templates stay below 20,000
SPECIAL = ("bos_token", "eos_token", "pad_token", "unk_token")


class _Generation(Extension):
    """`{% generation %}` marks the assistant's words in some templates; here it is transparent."""

    tags = {"generation"}

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body).set_lineno(line)


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _environment() -> ImmutableSandboxedEnvironment:
    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, _Generation])
    env.filters["tojson"] = lambda value, indent=None, **_: json.dumps(value, ensure_ascii=False, indent=indent)
    env.globals |= {"raise_exception": _refuse, "strftime_now": lambda form: datetime.now().strftime(form)}
    return env


class ChatTemplate:
    """One base's way to write a conversation. `source` says whose it is: 'base', 'plain' or 'system'."""

    def __init__(self, text: str, tokens: dict[str, str], source: str):
        if len(text) > TEMPLATE_LIMIT:
            raise ModelError(f"The chat template has {len(text):,} characters", "chat template", "Choose another template")
        self.text, self.tokens, self.source = text, tokens, source
        try:
            self._compiled = _environment().from_string(text)
        except (TemplateError, RecursionError) as error:
            raise ModelError(f"The chat template is not valid ({str(error)[:200]})", "chat template", "Choose another template") from error

    @classmethod
    def of(cls, folder: Path, override: str = "") -> "ChatTemplate":
        """The base's own template, or `override` where one is given, or the plain one. Raises ModelError."""
        tokens = {"bos_token": "", "eos_token": ""} | _special_tokens(Path(folder))
        own = _own_template(Path(folder))
        if override:
            return cls(override, tokens, "plain" if override == PLAIN_TEMPLATE else "system")
        return cls(own, tokens, "base") if own else cls(PLAIN_TEMPLATE, tokens, "plain")

    def render(self, messages: list[Message], add_generation_prompt: bool) -> str:
        """Conversation as text. Raises ModelError where the template refuses the messages."""
        try:
            return self._compiled.render(messages=messages, add_generation_prompt=add_generation_prompt, **self.tokens)
        except Exception as error:  # a template is foreign code: it may fail in any way
            raise ModelError(f"The chat template refuses this conversation ({str(error)[:200] or type(error).__name__})", "chat template",
                             "Choose another template or leave the instruction empty") from error

    def training_text(self, messages: list[Message], answer: str) -> tuple[str, str]:
        """What stands before the answer, and what is trained: the answer with its end token.

        The first part is exactly what is sent when asking. Text behind the end token is never trained.
        """
        prompt = self.render(messages, True)
        full = self.render([*messages, {"role": "assistant", "content": answer}], False)
        trained = full[len(prompt):] if full.startswith(prompt) else answer
        end = self.tokens["eos_token"]
        if end and end in trained:
            trained = trained[: trained.rindex(end) + len(end)]
        return prompt, trained if not end or trained.endswith(end) else trained + end

    @property
    def takes_system(self) -> bool:
        """Whether the template writes system messages (some refuse or drop them)."""
        try:
            return "LAB-PROBE" in self.render([{"role": "system", "content": "LAB-PROBE"}, {"role": "user", "content": "x"}], True)
        except ModelError:
            return False


@lru_cache(maxsize=32)
def _tokenizer_config(path: Path, stamp: int) -> dict[str, Any]:
    return json.loads(path.read_text("utf-8"))


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "tokenizer_config.json"
    return _tokenizer_config(path, path.stat().st_mtime_ns) if path.is_file() else {}


def _special_tokens(folder: Path) -> dict[str, str]:
    config = _config(folder)
    values = {name: config.get(name) for name in SPECIAL}
    return {name: value["content"] if isinstance(value, dict) else value for name, value in values.items() if value}


def _own_template(folder: Path) -> str:
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text("utf-8")
    own = _config(folder).get("chat_template") or ""
    if isinstance(own, list):  # several named templates
        own = next((entry["template"] for entry in own if entry.get("name") == "default"), "")
    return own
