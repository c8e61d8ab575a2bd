"""Sizes of base that the lab can make from nothing. On one core a step takes 0.42 s for XS (0.9M parameters), 0.8 s for S (2M) and 2.1 s
for M (5M): about 45 minutes, two hours, and nine hours. S and M have not been run to their ends."""

from __future__ import annotations

from itertools import accumulate

from pydantic import Field

from lab.core import Value


class Preset(Value):
    """Shape and training settings of one size."""

    width: int = Field(description="Width of the residual stream.")
    inner: int = Field(description="Width inside the gated MLP; 2.75 times the width.")
    layers: int
    heads: int
    positions: int = Field(512, description="Longest input in tokens.")
    steps: int = Field(description="Optimizer steps of the main part.")
    finishes: tuple[int, ...] = Field(description="Steps of each finish: the last phases of the corpus, each with fresh optimizers and a rise of "
                                      "the rates of its own.")
    finish_rate: float = Field(0.9, description="Peak of the rates in a finish, as a share of the main part's.")
    finish_warmup: int = Field(40, description="Steps in which they rise to it.")
    step_tokens: int = Field(3_072, description="Tokens per step. Fewer make more steps of the same text, until overhead wins.")
    learning_rate: float = Field(description="AdamW's peak rate: embeddings and norms.")
    muon_rate: float = Field(0.02, description="Muon's peak rate: the matrices inside the layers (arXiv 2502.16982).")
    warmup: int = Field(100, description="Steps in which the rates rise to their peak.")
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = Field(1.0, description="Largest norm of the gradient.")
    final_rate: float = Field(0.05, description="Share of the peak rates that is left at the end of the cosine.")
    restart: float = Field(0.65, description="Share of the main steps after which the rates rise once more, to half their peak: telling "
                           "people apart by name is learned at a lower rate than the rest.")
    prompt_weight: float = Field(0.1, description="Loss weight of what a user or system message says: mostly names made once, which "
                                 "nobody can predict.")
    answer_weight: float = Field(1.0, description="Loss weight of answers.")
    checkpoints: int = Field(10, description="How often the probes are asked during the run.")

    @property
    def total(self) -> int:
        """Optimizer steps in all."""
        return self.steps + sum(self.finishes)

    def begins(self, step: int) -> int:
        """Number of the finish that begins at this step, 1 the first; 0 where none does."""
        starts = list(accumulate((self.steps, *self.finishes[:-1])))
        return starts.index(step) + 1 if self.finishes and step in starts else 0

    def progress(self, step: int) -> float:
        """Where in the corpus's curriculum a step is: a share of the main part, 1 in a finish, 2 in the last of several."""
        if step < self.steps:
            return step / self.steps
        return 2.0 if len(self.finishes) > 1 and step >= self.total - self.finishes[-1] else 1.0

    def scaled(self, total: int) -> "Preset":
        """The same recipe in so many steps in all, all parts in proportion."""
        finishes = tuple(round(total * finish / self.total) for finish in self.finishes)
        return self.model_copy(update={"steps": total - sum(finishes), "finishes": finishes})


PRESETS: dict[str, Preset] = {
    "XS": Preset(width=128, inner=352, layers=4, heads=4, steps=2_300, finishes=(1_000, 1_000, 1_500), learning_rate=3e-3),
    "S": Preset(width=192, inner=512, layers=4, heads=6, steps=3_000, finishes=(1_300, 1_300, 2_000), learning_rate=2e-3),
    "M": Preset(width=256, inner=688, layers=6, heads=8, steps=6_000, finishes=(2_600, 2_600, 3_900), learning_rate=1e-3),
}
