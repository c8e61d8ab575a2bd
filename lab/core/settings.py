"""The levers' settings. The sentence under a setting is also its tool-tip on the page: written once."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from lab.core.base import Value

PASSAGE_FORMAT = "Passage: {passage}"
WORLD_TEXT = "world-2"  # the number is the corpus's version: another corpus is other content, under another key
# How a step is computed, not what: they never count in a key.
COMPUTED = frozenset({"micro_batch", "checkpointing", "devices", "sharding", "packing"})
# Settings that were added after the first runs were stored: they count in a key only where they differ from their default.
LATER = frozenset({"tuning", "examples", "rows", "replay", "ewc", "ewc_samples", "chunking", "tokenizer"})


class Prompting(Value):
    """What is put around the question, without touching a weight."""

    instruction: str = Field("", max_length=20_000, description="Text that stands before every question (a system message "
                             "where the chat template knows one). Empty: none.")
    shots: int = Field(0, ge=0, le=64, description="Worked examples shown before the question, taken from the training split. "
                       "3 shows a form; more costs context and time.")
    choice: Literal["random", "similar"] = Field("random", description="How shots are chosen: the same random ones for every "
                                                 "question (by seed), or those most similar to the question.")
    seed: int = Field(0, ge=0, description="Seed of the random choice.")


class Retrieval(Value):
    """Documents in the prompt."""

    retriever: Literal["lexical", "dense", "fusion"] = Field("lexical", description="Lexical (BM25) works with nothing else; dense "
                                                             "compares embeddings; fusion joins both rankings (reciprocal rank).")
    top_k: int = Field(3, ge=1, le=50, description="Passages put into the prompt. More finds more and distracts more.")
    chunk_words: int = Field(120, ge=10, le=2_000, description="Length of a passage in words; in tokens where documents are cut by "
                             "tokens.")
    overlap_words: int = Field(20, ge=0, le=500, description="Words (or tokens) that neighbouring passages share, so that no "
                               "sentence is lost at a border.")
    embedder: str = Field("", description="Sentence-embedding model for dense search: a local folder or a hub id. Not needed "
                          "for lexical search.")
    chunking: Literal["words", "headings", "sentences", "tokens"] = Field("words", description="Where documents are cut. Words: near the length, at "
                                                                          "paragraphs where it can be. Headings: never across a heading, whose "
                                                                          "path stands before the text. Sentences: whole sentences up to the "
                                                                          "length. Tokens: as words, with every length in tokens.")
    tokenizer: str = Field("", max_length=4_096, description="Tokenizer that counts the tokens: a base that ships or a local folder with "
                           "tokenizer.json. Empty: the shipped base's.")
    passage_format: str = Field(PASSAGE_FORMAT, description="How one passage is written into the prompt; {passage} is its text.")


class _Adapter(Value):
    """What every LoRA stage shares."""

    epochs: float = Field(3, gt=0, le=1_000, description="Passes over the training examples.")
    batch_size: int = Field(16, ge=1, le=1_024, description="Examples per optimizer step.")
    max_length: int = Field(512, ge=16, le=131_072, description="Longest example in tokens. Longer ones are refused before the run, "
                            "not cut.")
    lora_rank: int = Field(16, ge=1, le=1_024, description="Rank of the adapter's matrices, on all linear layers. Higher can hold "
                           "more and may forget more.")
    lora_alpha: int = Field(32, ge=1, le=4_096, description="Scale of the adapter: alpha / rank multiplies it. Twice the rank is "
                            "common practice.")
    lora_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout inside the adapter.")
    warmup_fraction: float = Field(0.05, ge=0, le=0.5, description="Share of the steps in which the learning rate rises to its value.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="Pull of the adapter's weights towards zero at each step.")
    with_passages: bool = Field(True, description="Where the System retrieves, train with the retrieved passages in the prompt, exactly "
                                "as it will be asked. Off: train on the bare questions and share the adapter with Systems that do not "
                                "retrieve.")
    evaluations: int = Field(10, ge=1, le=200, description="How often the validation split is measured during training (step 0 comes "
                             "on top).")
    micro_batch: int = Field(0, ge=0, le=1_024, description="Examples on the device at a time; their gradients are added up to the batch, so "
                             "the result is the same. 0: as many as the memory estimate finds room for.")
    checkpointing: Literal["auto", "on", "off"] = Field("auto", description="Gradient checkpointing computes activations a second time "
                                                        "in place of keeping them: less memory, more time, the same result. Auto: only "
                                                        "where one example at a time does not fit otherwise.")
    devices: int = Field(1, ge=1, le=64, description="GPUs that share this stage's batches (data parallel). The batch and the result stay "
                         "the same.")
    sharding: Literal["none", "full"] = Field("none", description="How several GPUs hold a stage. None: each holds all weights. Full (FSDP): weights, "
                                              "gradients and optimizer are shared out: less memory on each, more talk between them, the same "
                                              "result. The bare base must still fit on one, which answers with it.")
    packing: Literal["auto", "on", "off"] = Field("auto", description="Joins the rows of a batch into one without padding, each attending to "
                                                  "itself alone; the result stays the same. Auto: where FlashAttention is at hand; with "
                                                  "other kernels padded batches of similar lengths are faster.")
    seed: int = Field(0, ge=0, description="Seed of the adapter's start and of the data order.")

    @property
    def full(self) -> bool:
        """Whether every weight is trained, and none beside them."""
        return False

    @property
    def sharded(self) -> bool:
        """Whether each of several GPUs holds a part of the weights only."""
        return self.sharding == "full" and self.devices > 1


class Sft(_Adapter):
    """Supervised fine-tuning: next-token loss on the answer's tokens only; of an adapter, or of all weights."""

    kind: Literal["sft"] = "sft"
    tuning: Literal["lora", "full"] = Field("lora", description="LoRA trains a small adapter and leaves the base as it is. Full trains every "
                                            "weight: it needs more memory and usually a smaller learning rate.")
    learning_rate: float = Field(2e-4, gt=0, le=1, description="Step size. About ten times that of full fine-tuning for models above "
                                 "100M parameters; tiny models need more (the form proposes it).")
    examples: int = Field(0, ge=0, description="Train on the first so many examples only; 0 takes all. For curves of score over labels.")
    rows: str = Field("", pattern=r"^$|^[^=]+=.+$", description="Train only on rows of some slices, written name=value or "
                      "name=value|other value. Empty: all rows.")
    replay: float = Field(0.0, ge=0, le=0.9, description="Share of the loss that falls on general text, mixed into every step, so that what "
                          "the base knew is rehearsed. 0.05 to 0.2 is common; 0: none.")
    replay_from: str = Field(WORLD_TEXT, description="General text that replay and EWC use: the corpus the shipped base was made from, or "
                             "a text saved on the Data page.")
    ewc: float = Field(0.0, ge=0, description="Elastic weight consolidation: strength of the pull back to the base's weights, weighted by how "
                       "much each one matters for general text. Full tuning only; 0: none.")
    ewc_samples: int = Field(200, ge=1, le=10_000, description="Texts from which the weights' importance (Fisher information) is estimated.")

    @property
    def full(self) -> bool:
        return self.tuning == "full"

    @model_validator(mode="after")
    def _ewc_needs_full(self) -> "Sft":
        if self.ewc and self.tuning != "full":
            raise ValueError("EWC holds the base's own weights, which LoRA does not change: choose full tuning, or EWC 0")
        if self.ewc and self.sharded:
            raise ValueError("EWC needs all weights on every GPU: choose sharding none, or EWC 0")
        return self


class Dpo(_Adapter):
    """Direct preference optimization (arXiv 2305.18290): chosen answers up, rejected down, relative to where the stage began."""

    kind: Literal["dpo"] = "dpo"
    epochs: float = Field(1, gt=0, le=1_000, description="Passes over the preference pairs. DPO over-optimises early.")
    batch_size: int = Field(8, ge=1, le=1_024, description="Pairs per optimizer step.")
    learning_rate: float = Field(5e-6, gt=0, le=1, description="Step size. Far below SFT's at 100M parameters and above; tiny models "
                                 "need more (the form proposes it).")
    beta: float = Field(0.1, gt=0, le=10, description="How strongly the model is held to its reference: higher holds more.")


Stage = Annotated[Sft | Dpo, Field(discriminator="kind")]

TINY_PARAMETERS = 20_000_000


def proposed_stage(kind: Literal["sft", "dpo"], parameters: int) -> Sft | Dpo:
    """Defaults for a base of that many parameters. Tiny models need larger steps (measured on the shipped base)."""
    tiny = parameters < TINY_PARAMETERS
    if kind == "sft":
        return Sft(learning_rate=2e-3, epochs=8) if tiny else Sft()
    return Dpo(learning_rate=2e-4, epochs=2) if tiny else Dpo()


def proposed_retrieval(parameters: int) -> Retrieval:
    """One passage for tiny bases, which mix up several and have little context; the default for the others."""
    return Retrieval(top_k=1) if parameters < TINY_PARAMETERS else Retrieval()
