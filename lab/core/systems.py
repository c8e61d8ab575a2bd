"""System: a Base plus optional prompting, retrieval and training, and the keys that name it and its parts.

Names are labels: they never count in a key. What counts is the content and the data that the parts use.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from lab.core.base import Value, content_key
from lab.core.settings import COMPUTED, LATER, Prompting, Retrieval, Stage
from lab.core.tasks import Task

# A tokenizer without a chat template gets this one, stored with the System. It is Jinja, as chat templates are.
PLAIN_TEMPLATE = (
    "{{- bos_token -}}"
    "{%- for message in messages -%}"
    "{%- if message.role == 'system' -%}{{- message.content + '\\n\\n' -}}"
    "{%- elif message.role == 'user' -%}{{- 'Question: ' + message.content + '\\n' -}}"
    "{%- else -%}{{- 'Answer: ' + message.content + eos_token + '\\n\\n' -}}"
    "{%- endif -%}{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- 'Answer:' -}}{%- endif -%}"
)


class Base(Value):
    """A pretrained model. `ref` is a shipped base's name, a local folder, (made) the artifact key of a pretraining's checkpoint, (hub) a
    repository and its commit as name@commit, or (endpoint) the model's name at `address`. `fingerprint` names its files' content; an
    endpoint shows no files, so its own names the address and the model."""

    kind: Literal["shipped", "folder", "made", "hub", "endpoint"]
    ref: str
    fingerprint: str
    address: str = Field("", description="of an OpenAI-compatible endpoint; empty for bases with files")
    parameters: int = 0
    context: int = Field(0, description="longest input in tokens; 0: not said by the model")


class System(Value):
    """What will answer. The bare base is a System too."""

    name: str
    base: Base
    template: str = Field("", description="chat template (Jinja); empty: the base's own")
    quantisation: Literal["none", "int8", "nf4"] = Field("none", description="Bits in which the base's linear weights are held: as they are, "
                                                         "8 or 4 (bitsandbytes). Needs a CUDA device.")
    prompting: Prompting | None = None
    retrieval: Retrieval | None = None
    training: tuple[Stage, ...] = ()

    def with_seed(self, seed: int) -> "System":
        """The same System with every random choice drawn from `seed`."""
        prompting = self.prompting and self.prompting.model_copy(update={"seed": seed})
        training = tuple(stage.model_copy(update={"seed": seed}) for stage in self.training)
        return self.model_copy(update={"prompting": prompting, "training": training})

    @property
    def is_bare(self) -> bool:
        return not (self.prompting or self.retrieval or self.training)

    @property
    def instruction(self) -> str:
        return self.prompting.instruction if self.prompting else ""


def used_data(system: System, task: Task) -> list[str]:
    """Fingerprints of the task's rows that the System's parts read."""
    names = set()
    if system.prompting and system.prompting.shots:
        names.add("train")
    if system.retrieval:
        names.add("documents")
    for stage in system.training:
        names |= {"train", "validation"} if stage.kind == "sft" else {"preferences"}
    return [f"{name}:{task.fingerprints.get(name, '')}" for name in sorted(names)]


def system_key(system: System, task: Task) -> str:
    """The System's name on disk: its content and the data its parts use, without its label."""
    content = system.model_dump(mode="json", exclude={"name": True, "base": {"ref", "kind", "address"}, **_unquantised(system)})
    content["training"] = [_content(stage, set()) for stage in system.training]
    content["retrieval"] = system.retrieval and _content(system.retrieval, set())
    return content_key(content, used_data(system, task))


def _unquantised(system: System) -> dict[str, bool]:
    """What to leave out of the content where weights are held as they are: the setting came after the first runs."""
    return {"quantisation": True} if system.quantisation == "none" else {}


def _base_content(system: System) -> str | list[str]:
    """The base's weights as they count in keys of what was made from them."""
    return system.base.fingerprint if system.quantisation == "none" else [system.base.fingerprint, system.quantisation]


def _content(stage: Stage | Retrieval, unused: set[str]) -> dict[str, Any]:
    """A part's settings as they count in keys. Settings that came later count only where they are used, so that what was made
    before them keeps its name; how a step is computed never counts."""
    found = stage.model_dump(mode="json", exclude=unused | COMPUTED)
    source = found.pop("replay_from", None)  # names content: it counts where it is read, also where it is the default
    if found.get("chunking") != "tokens":  # the tokenizer counts, by its name as the embedder does, where it has counted
        found.pop("tokenizer", None)
    kept = {name: value for name, value in found.items() if name not in LATER or value != type(stage).model_fields[name].default}
    return kept | ({"replay_from": source} if found.get("replay") or found.get("ewc") else {})


def weights_key(system: System, task: Task) -> str:
    """Names the weights alone: what raw-text suites (no prompt) depend on. Equal for every untrained System of a base."""
    return adapter_key(system, task, len(system.training)) if system.training else content_key(_base_content(system))


def trains_with(system: System, stages: int) -> Retrieval | None:
    """The retrieval that the first `stages` training stages see in their prompts, if they do."""
    return system.retrieval if any(stage.with_passages for stage in system.training[:stages]) else None


def adapter_key(system: System, task: Task, stages: int) -> str:
    """The adapter after the first `stages` training stages: every System that shares them shares the artifact."""
    retrieval = trains_with(system, stages)
    unused = set() if retrieval else {"with_passages"}  # without passages the switch changes nothing
    chain = [_content(stage, unused) for stage in system.training[:stages]]
    part = system.model_copy(update={"prompting": None, "retrieval": retrieval, "training": system.training[:stages]})
    return content_key("adapter", _base_content(system), system.template, system.instruction, retrieval and _content(retrieval, set()), chain,
                       used_data(part, task))


def index_key(retrieval: Retrieval, task: Task) -> str:
    """The search index: how it was built and over which documents; top_k and the prompt's format do not count."""
    built = _content(retrieval, {"top_k", "passage_format"})
    return content_key("index", built, task.fingerprints.get("documents", ""))
