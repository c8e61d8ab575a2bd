"""Sizes of base that the lab can make from nothing. Only XS ships; S and M are the same recipe with more of everything."""

from __future__ import annotations

from lab.core import Value


class Preset(Value):
    """Shape and training settings. Time is for one CPU thread, where it was measured."""

    width: int
    inner: int
    layers: int
    heads: int
    positions: int = 512
    steps: int
    step_tokens: int = 3_072
    learning_rate: float
    muon_rate: float = 0.02
    warmup: int = 100
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.98)
    clip: float = 1.0
    final_rate: float = 0.05
    prompt_weight: float = 0.1
    answer_weight: float = 1.0
    checkpoints: int = 10
    title: str


PRESETS: dict[str, Preset] = {
    "XS": Preset(width=128, inner=352, layers=4, heads=4, steps=1_600, learning_rate=3e-3, title="0.9M parameters"),
    "S": Preset(width=192, inner=512, layers=4, heads=6, steps=3_000, learning_rate=1.5e-3, title="2.0M parameters"),
    "M": Preset(width=256, inner=688, layers=6, heads=8, steps=6_000, learning_rate=1e-3, title="5M parameters"),
}
