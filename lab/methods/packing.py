"""Whether a stage joins the rows of a batch into one without padding. How it is done stands in engine/likelihood."""

from __future__ import annotations

from lab.core import Dpo, Sft, TrainingError
from lab.engine.likelihood import FLASH, keeps_rows_apart
from lab.engine.load import Loaded


def packs(loaded: Loaded, settings: Sft | Dpo) -> bool:
    """On, off, or by itself with FlashAttention, which never builds the mask that keeps joined rows apart. The model is asked first whether
    it does keep them apart. Raises TrainingError where it does not and the settings want it."""
    fast = loaded.model.config._attn_implementation == FLASH
    if settings.packing == "off" or settings.packing == "auto" and not fast:
        return False
    apart = keeps_rows_apart(loaded)
    if settings.packing == "on" and not apart:
        raise TrainingError("This architecture lets joined rows see each other", loaded.model.config.model_type, "Set packing to auto or off")
    return apart
