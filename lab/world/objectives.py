"""What is predicted in pretraining: the next token, or tokens that were masked out. One body, two objectives.

An objective says which model is built, what a batch looks like and what a held-out text costs. It knows nothing of steps, optimizers
or files. Both see the same documents with the same loss weights.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol, Sequence

import torch
from torch.nn.functional import cross_entropy

from lab.world import batches, probes
from lab.world import tokenizer as tokenizers
from lab.world.people import World
from lab.world.presets import Preset

MASK = "<|mask|>"
MASKED_SHARE, BLANKED, REPLACED = 0.15, 0.8, 0.1  # BERT (Devlin et al. 2019, arXiv 1810.04805): the last tenth stays as it is
HELD_SEED = 2_718_281  # the masks of held-out texts, the same at every checkpoint
PART = 25  # held-out texts per forward pass


class Batch(NamedTuple):
    """One micro-batch, rows x longest: input ids, which of them are real (None: causal attention needs no mask), the token to predict at
    each place (batches.IGNORE where none), and the loss weight of each place."""

    ids: torch.Tensor
    real: torch.Tensor | None
    targets: torch.Tensor
    weights: torch.Tensor


class Objective(Protocol):
    """What pretraining asks of an objective."""

    def tokenizer(self, world: World) -> Any: ...
    def model(self, preset: Preset, tokenizer: Any) -> Any: ...
    def batch(self, rows: list[list[int]], tokenizer: Any, preset: Preset, chance: torch.Generator) -> Batch: ...
    def text_losses(self, model: Any, tokenizer: Any, texts: Sequence[str]) -> list[tuple[float, int]]: ...


def _shape(preset: Preset, tokenizer: Any) -> dict[str, Any]:
    return dict(vocab_size=len(tokenizer), hidden_size=preset.width, num_hidden_layers=preset.layers,
                num_attention_heads=preset.heads, intermediate_size=preset.inner,
                max_position_embeddings=preset.positions, tie_word_embeddings=True,
                bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)


class Causal:
    """Next token: each place sees what stands before it."""

    def tokenizer(self, world: World) -> Any:
        return tokenizers.train(world)

    def model(self, preset: Preset, tokenizer: Any) -> Any:
        """Llama in small: of two shapes of this size that were tried (the other: GPT-NeoX) it learned faster per token and second."""
        from transformers import LlamaConfig, LlamaForCausalLM
        return LlamaForCausalLM(LlamaConfig(**_shape(preset, tokenizer)))

    def batch(self, rows: list[list[int]], tokenizer: Any, preset: Preset, chance: torch.Generator) -> Batch:
        ids, targets = batches.padded(rows, tokenizer.pad_token_id)
        weights = batches.weights(ids, tokenizers.roles(tokenizer), preset.prompt_weight, preset.answer_weight)
        return Batch(ids, None, targets, weights)

    def text_losses(self, model: Any, tokenizer: Any, texts: Sequence[str]) -> list[tuple[float, int]]:
        return probes.text_losses(model, tokenizer, texts)


class Masked:
    """Masked token: each place sees both sides; 15 % of the tokens are to be filled in.

    The body is the Llama of `Causal` with attention to both sides (EuroBERT, arXiv 2503.05500: the same layers and sizes). Its tokenizer
    has one token more, at the end: all other ids are the causal ones. Tokens that mark who speaks or where a text ends are never masked.
    """

    def tokenizer(self, world: World) -> Any:
        found = tokenizers.train(world)
        found.add_special_tokens({"mask_token": MASK})
        return found

    def model(self, preset: Preset, tokenizer: Any) -> Any:
        """Norms as in `Causal` (EuroBERT's own default is finer)."""
        from transformers import EuroBertConfig, EuroBertForMaskedLM
        return EuroBertForMaskedLM(EuroBertConfig(**_shape(preset, tokenizer), rms_norm_eps=1e-6, mask_token_id=tokenizer.mask_token_id))

    def batch(self, rows: list[list[int]], tokenizer: Any, preset: Preset, chance: torch.Generator) -> Batch:
        whole, _ = batches.padded(rows, tokenizer.pad_token_id)
        real = torch.arange(whole.shape[1]) < torch.tensor([len(row) for row in rows])[:, None]
        ids, targets = masked(whole, tokenizer, chance)
        weights = batches.weights(whole, tokenizers.roles(tokenizer), preset.prompt_weight, preset.answer_weight)
        # A causal place weighs the token behind it, a masked one itself.
        return Batch(ids, real, targets, torch.cat([torch.ones_like(weights[:, :1]), weights[:, :-1]], 1))

    @torch.no_grad()
    def text_losses(self, model: Any, tokenizer: Any, texts: Sequence[str]) -> list[tuple[float, int]]:
        """Summed loss (nats) over the masked tokens of each text, and how many there are. Not comparable to the causal loss."""
        found = []
        for start in range(0, len(texts), PART):
            rows = [tokenizer(text)["input_ids"] for text in texts[start:start + PART]]
            whole, _ = batches.padded(rows, tokenizer.pad_token_id)
            ids, targets = masked(whole, tokenizer, torch.Generator().manual_seed(HELD_SEED + start))
            attended = whole != tokenizer.pad_token_id
            logits = model(input_ids=ids.to(model.device), attention_mask=attended.to(model.device)).logits
            losses = cross_entropy(logits.transpose(1, 2).float(), targets.to(model.device), reduction="none", ignore_index=batches.IGNORE)
            found += list(zip(losses.sum(1).tolist(), (targets != batches.IGNORE).sum(1).tolist()))
        return found


def masked(ids: torch.Tensor, tokenizer: Any, chance: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Input ids with masks, and the targets: the true token at each chosen place, batches.IGNORE elsewhere. Both rows x longest.

    Of the chosen places 80 % show the mask, 10 % a random ordinary token and 10 % the true one.
    """
    special = sorted(set(tokenizer.all_special_ids))
    ordinary = torch.tensor([token for token in range(len(tokenizer)) if token not in special])
    chosen = (torch.rand(ids.shape, generator=chance) < MASKED_SHARE) & ~torch.isin(ids, torch.tensor(special))
    fate = torch.rand(ids.shape, generator=chance)
    other = ordinary[torch.randint(len(ordinary), ids.shape, generator=chance)]
    shown = torch.where(chosen & (fate < BLANKED), tokenizer.mask_token_id, ids)
    shown = torch.where(chosen & (fate >= BLANKED) & (fate < BLANKED + REPLACED), other, shown)
    return shown, torch.where(chosen, ids, batches.IGNORE)


OBJECTIVES: dict[str, Objective] = {"causal": Causal(), "masked": Masked()}


def chance_of(seed: int, step: int) -> torch.Generator:
    """The random numbers of one step: of seed and step alone, so that a resumed run masks the same tokens."""
    return torch.Generator().manual_seed(1_000_003 * seed + step)


def losses_of(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss (nats) and weight of every predicted token of a batch; the body runs on the model's device, in bfloat16 on a GPU."""
    device = model.device
    chosen = (batch.targets != batches.IGNORE).to(device)
    seen = {"use_cache": False} if batch.real is None else {"attention_mask": batch.real.to(device)}
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
        hidden = model.base_model(input_ids=batch.ids.to(device), **seen).last_hidden_state
        logits = model.get_output_embeddings()(hidden[chosen])
    losses = cross_entropy(logits.float(), batch.targets.to(device)[chosen], reduction="none")
    return losses, batch.weights.to(device)[chosen]
