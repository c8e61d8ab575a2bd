"""A System outside the lab: folders that plain transformers and peft load, and what they say of the same messages. Knows no runs and no tasks."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedTokenizerBase

from lab.core import ModelError
from lab.corpus.template import ChatTemplate, Message
from lab.engine.devices import precision

TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "tokenizer.model", "spiece.model",
             "vocab.json", "merges.txt")
PAPERS = ("LICENSE", "LICENCE", "NOTICE", "COPYING", "USE_POLICY")  # what a base's licence asks to be passed on stands in such files
DATELESS = "{%- macro strftime_now(form) -%}(the date of the day){%- endmacro %}"
PLAIN = {"local_files_only": True, "trust_remote_code": False}


def as_exported(tokenizer: PreTrainedTokenizerBase, template: str, messages: Sequence[Message]) -> str:
    """The prompt as a program writes it that loads the exported tokenizer and calls `apply_chat_template`, on whatever day: a date that the
    template reads from the clock stands as words. A template that refuses there gives its refusal: nothing is raised."""
    text = f"{DATELESS}{template}" if "strftime_now" in template else template
    try:
        return tokenizer.apply_chat_template(list(messages), chat_template=text, add_generation_prompt=True, tokenize=False)
    except Exception as error:  # a template is foreign code: it may fail in any way
        return f"(refused: {str(error)[:200] or type(error).__name__})"


@dataclass(frozen=True)
class Reader:
    """As much of a base as its prompts need, without its weights: stands where a Loaded does for whoever makes prompts. `ends`: token ids that
    end an answer."""

    tokenizer: PreTrainedTokenizerBase
    template: ChatTemplate
    ends: tuple[int, ...]
    pad: int
    context: int

    @classmethod
    def of(cls, folder: Path, template: str = "") -> "Reader":
        """Of a base's folder. Raises ModelError where it cannot be read."""
        try:
            tokenizer, config = AutoTokenizer.from_pretrained(folder, **PLAIN), AutoConfig.from_pretrained(folder, **PLAIN)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"The base cannot be read ({str(error)[:300]})", str(folder), "Check the base's folder") from error
        said = GenerationConfig.from_pretrained(folder) if (folder / "generation_config.json").is_file() else config
        ends = _ids(said.eos_token_id, config.eos_token_id, tokenizer.eos_token_id)
        return cls(tokenizer, ChatTemplate.of(folder, template), ends, _ids(tokenizer.pad_token_id, config.pad_token_id, ends, 0)[0],
                   int(getattr(config, "max_position_embeddings", 0) or 0))

    def encode(self, text: str) -> list[int]:
        """Token ids of rendered text; special tokens are those that stand in the text."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def starts_twice(self, text: str) -> bool:
        """Whether a program that tokenises a rendered prompt as if it were plain text gives it a second start token."""
        start = self.tokenizer.bos_token_id
        return start is not None and self.tokenizer(text)["input_ids"][:2] == [start, start] and self.encode(text)[:2] != [start, start]


def _ids(*values: Any) -> tuple[int, ...]:
    found: list[int] = []
    for value in values:
        found += [value] if isinstance(value, int) else list(value or ())
    return tuple(dict.fromkeys(found))


# writing ------------------------------------------------------------------------------------------------------------------------


def save_tokenizer(base: Path, template: str, folder: Path) -> None:
    """The base's own tokenizer files with the chat template the System was asked with. Copied, not saved anew: other versions of the library, and
    other programs, know these files."""
    for name in TOKENIZER:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
    path = folder / "tokenizer_config.json"
    about = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    path.write_text(json.dumps({**about, "chat_template": template}, ensure_ascii=False, indent=1) + "\n", "utf-8")
    (folder / "chat_template.jinja").write_text(template, "utf-8")  # read first where the library is young, the line above where it is old


def save_papers(base: Path, folder: Path) -> None:
    """The base's licence and notices."""
    for path in sorted(base.iterdir()):
        if path.is_file() and path.name.upper().startswith(PAPERS):
            shutil.copyfile(path, folder / path.name)


def save_adapter(adapter: Path, base: str, commit: str, folder: Path) -> None:
    """An adapter in PEFT's format, which names its base by what people know it by: `base`, at `commit` where it is a hub's."""
    shutil.copyfile(adapter / "adapter_model.safetensors", folder / "adapter_model.safetensors")
    about = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    about |= {"base_model_name_or_path": base, "revision": commit or None}
    (folder / "adapter_config.json").write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", "utf-8")


def save_whole(weights: Path, adapter: Path | None, reader: Reader, base: Path, folder: Path) -> None:
    """All weights as one model: those of `weights`, with the adapter added where there is one. The sum is made in full precision and kept in the
    precision of `weights`. Raises ModelError."""
    try:
        model = AutoModelForCausalLM.from_pretrained(weights, use_safetensors=True, dtype="auto", **PLAIN)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"The weights cannot be loaded ({str(error)[:300]})", str(weights), "Run it again") from error
    stored = model.dtype
    if adapter:
        model = PeftModel.from_pretrained(model.float(), str(adapter)).merge_and_unload()
    model.to(stored).save_pretrained(str(folder), max_shard_size="5GB")
    _as_the_base_says(base, folder, type(model).__name__, str(stored).removeprefix("torch."))
    _say_ends(base, folder, reader)


def _as_the_base_says(base: Path, folder: Path, kind: str, stored: str) -> None:
    """The base's own config.json, which the programs that load the base can read; but where it describes a larger model than the one that was
    saved, what the library wrote."""
    about = json.loads((base / "config.json").read_text("utf-8"))
    if about.get("architectures") == [kind]:
        precise = {name: stored for name in ("dtype", "torch_dtype") if name in about} or {"torch_dtype": stored}
        (folder / "config.json").write_text(json.dumps({**about, **precise}, ensure_ascii=False, indent=1) + "\n", "utf-8")


def _say_ends(base: Path, folder: Path, reader: Reader) -> None:
    """Answers end elsewhere at the tokens that they end at here."""
    path = base / "generation_config.json"
    about = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    about.pop("_from_model_config", None)  # or the library would take the ends from config.json again
    about |= {"eos_token_id": list(reader.ends), "pad_token_id": reader.pad}
    (folder / "generation_config.json").write_text(json.dumps(about, ensure_ascii=False, indent=1) + "\n", "utf-8")


# loading as others do -----------------------------------------------------------------------------------------------------------


class Outside:
    """An exported folder as another program has it: the library's own tokenizer, template, model, adapter and decoding; nothing of the lab's."""

    def __init__(self, folder: Path):
        self.folder, self.tokenizer, self.model = folder, AutoTokenizer.from_pretrained(folder, **PLAIN), None

    def text(self, messages: Sequence[Message]) -> str:
        return self.tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, tokenize=False)

    def ids(self, messages: Sequence[Message]) -> list[int]:
        return list(self.tokenizer.apply_chat_template(list(messages), add_generation_prompt=True)["input_ids"])

    def conversation(self, messages: Sequence[Message], answer: str) -> str:
        """A whole turn, as a program that trains on it writes it."""
        return self.tokenizer.apply_chat_template([*messages, {"role": "assistant", "content": answer}], tokenize=False)

    def load(self, weights: Path, device: torch.device) -> None:
        """The model: this folder's own (`weights` is the folder), or the base's in `weights` with the folder's adapter where it has one."""
        model = AutoModelForCausalLM.from_pretrained(weights, use_safetensors=True, dtype=precision(device), **PLAIN)
        adapted = (self.folder / "adapter_config.json").is_file()
        self.model = (PeftModel.from_pretrained(model, str(self.folder)) if adapted else model).to(device).eval()

    @torch.inference_mode()
    def answer(self, messages: Sequence[Message], ends: Sequence[int], most: int) -> str:
        """A greedy answer of at most so many tokens."""
        asked = self.tokenizer.apply_chat_template(list(messages), add_generation_prompt=True, return_tensors="pt", return_dict=True)
        told = {"do_sample": False, "max_new_tokens": most, "eos_token_id": list(ends), "pad_token_id": ends[0]} if ends else {
            "do_sample": False, "max_new_tokens": most}
        out = self.model.generate(**{name: asked[name].to(self.model.device) for name in ("input_ids", "attention_mask")}, **told)
        return self.tokenizer.decode(out[0][asked["input_ids"].shape[1]:], skip_special_tokens=True).strip()
