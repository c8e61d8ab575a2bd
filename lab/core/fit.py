"""What a model needs of a device's memory and what the device has: values only. The arithmetic is in jobs/fit. All sizes in bytes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lab.core.base import Value

Method = Literal["answer", "lora", "qlora", "full", "dpo"]
SHARE = 0.9  # of the free memory that a plan may fill: allocators lose some to fragments


class Shape(Value):
    """A decoder's sizes, as its config.json says them. `parameters` counts every stored element."""

    parameters: int
    hidden: int
    layers: int
    inner: int
    heads: int
    kv_heads: int
    head_size: int
    vocabulary: int
    gated: bool = True

    @property
    def linear(self) -> int:
        """Weights in the layers' linear maps, which 4-bit loading shrinks and LoRA stands beside."""
        attention = 2 * self.hidden * (self.heads + self.kv_heads) * self.head_size
        return self.layers * (attention + (3 if self.gated else 2) * self.hidden * self.inner)

    def adapter(self, rank: int) -> int:
        """Parameters of a LoRA adapter of that rank on every linear map but the vocabulary's."""
        sides = 4 * self.hidden + 2 * (self.heads + self.kv_heads) * self.head_size + (3 if self.gated else 2) * (self.hidden + self.inner)
        return self.layers * rank * sides


class Batch(Value):
    """The largest batch of a piece of work: `rows` padded to `tokens`, of which the longest answer takes `answers` (0: all of them)."""

    rows: int
    tokens: int
    answers: int = 0

    @property
    def kept(self) -> int:
        """Positions per row that the vocabulary layer runs over."""
        return (self.answers or self.tokens) + 1


class Estimate(Value):
    """What is held at the moment of the highest need, by what it is for."""

    weights: int
    gradients: int = 0
    optimizer: int = 0
    activations: int = 0
    logits: int = 0
    cache: int = 0
    overhead: int = 0

    @property
    def total(self) -> int:
        return sum(self.model_dump().values())


class Plan(Value):
    """How the steps of a stage are computed on the device at hand; what they compute is the same."""

    micro_batch: int = Field(0, description="examples on the device at a time; 0: the whole batch")
    checkpointing: bool = False
    dry_run: bool = Field(False, description="whether the longest micro-batch is tried before the first step")
    estimate: Estimate | None = Field(None, description="None: the base does not say its sizes")
    free: int = Field(0, description="bytes of the device that this process holds or may still take")
    why: str = ""
    way_out: str = Field("", description="what to change where memory runs out all the same")


Badge = Literal["Fits", "Tight", "Too big"]


def badge(needed: int, least: int, free: int, total: int) -> Badge:
    """Fits: the whole batch finds its place now. Tight: it needs other programs' memory or smaller micro-batches. Too big: not even those help.

    needed: with the whole batch; least: with one row at a time.
    """
    if needed <= SHARE * free:
        return "Fits"
    return "Tight" if least <= total else "Too big"


def size_words(value: int) -> str:
    """Bytes for people."""
    return f"{value / (1 << 30):.1f} GB" if value >= 1 << 30 else f"{value / (1 << 20):.0f} MB"
