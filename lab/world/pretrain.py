"""Pretraining of a base from nothing: a bare PyTorch loop over a Hugging Face model, on the world's stream of documents.

It ends with a standard model folder that loads anywhere, and a card that says how it was made and what it can and cannot do. It may be
stopped at any step and goes on bit by bit as if it had not been. It knows nothing of runs, queues or pages: it speaks through hooks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any, Callable

import torch

from lab.core import Stopped, TrainingError, content_key
from lab.world import batches, both, card, corpus, people, probes, states
from lab.world import tokenizer as tokenizers
from lab.world.objectives import OBJECTIVES, chance_of, losses_of
from lab.world.optimizing import Optimizers, optimizers_of, set_rates
from lab.world.presets import PRESETS, Preset

HELD_OUT = 150  # documents of the held-out loss
EVERY = 20  # steps between two points of the loss curve
BAD_STEPS = 3  # losses in a row that are no number: the training has diverged
LADDER_ITEMS = 25  # per probe and checkpoint
FINAL_ITEMS, FEW_ITEMS, FEW_STEPS = 200, 10, 200  # per probe at the end; of a run with fewer steps than the last
# How often the last probes report: the ladder, grammar and patterns (a model that can write), the two gaps, the linear head.
FINAL_PARTS = {"causal": len(probes.PROBES) + 5, "masked": 3}

Facts = dict[str, Any]
Probed = dict[str, dict[str, float]]  # name -> value, n, low, high
Write = Callable[[Path], None]


@dataclass
class Hooks:
    """How pretraining speaks to whoever runs it: numbers out, stop requests in, states and bases into folders."""

    metric: Callable[[int, int, dict[str, float]], None] = lambda step, total, values: None
    progress: Callable[[int, int], None] = lambda done, total: None  # of the last probes
    should_stop: Callable[[], bool] = lambda: False
    keep_stopped: Callable[[], bool] = lambda: False  # after a stop: is the model so far kept as a base?
    keep: Callable[[Facts, Write], None] = lambda facts, write: None  # a checkpoint is ready: write(folder) makes its model folder
    states: Path | None = None  # where the state that a resumed run needs is kept; None: nowhere
    finish_state: Callable[[Path], None] = lambda folder: None
    resume_from: Path | None = None
    state_seconds: float = 60.0


def pretrain(preset: str | Preset, hooks: Hooks, *, objective: str = "causal", seed: int = 0, steps: int = 0, checkpoints: int = 0,
             device: str | torch.device = "cpu") -> Facts:
    """Make a base. Returns what is known of the last one that was handed to `hooks.keep`. 0 steps or checkpoints: the preset's own.

    Raises KeyError for an unknown preset or objective, Stopped where a stop was asked for and nothing is kept, DataError where the state
    to resume from is of another recipe, TrainingError where the loss is no longer a number, OSError where nothing can be written.
    """
    return Pretrainer(preset, hooks, objective, seed, steps, checkpoints, device).run()


class Pretrainer:
    """One pretraining: the model, its optimizers, the text and how far it has come."""

    def __init__(self, preset: str | Preset, hooks: Hooks, objective: str, seed: int, steps: int, checkpoints: int,
                 device: str | torch.device):
        chosen = PRESETS[preset] if isinstance(preset, str) else preset
        chosen = chosen.scaled(steps) if steps else chosen
        given = {"checkpoints": checkpoints} if checkpoints else {}
        self.name = preset if isinstance(preset, str) else "custom"
        self.preset, self.hooks, self.seed = chosen.model_copy(update=given), hooks, seed
        self.objective_name, self.objective = objective, OBJECTIVES[objective]
        torch.manual_seed(seed)
        self.world = people.build(0)
        self.tokenizer = self.objective.tokenizer(self.world)
        self.model = self.objective.model(self.preset, self.tokenizer).to(device)  # made on the CPU: the same weights on every device
        self.optimizers = optimizers_of(self.model, self.preset)
        self.stream = corpus.Corpus(self.world, seed)
        self.held = list(corpus.held_out(self.world, HELD_OUT, seed=99))
        self.every = max(1, self.preset.total // self.preset.checkpoints)
        self.begun, self.cpu_begun = time.time(), time.process_time()
        self.at = self._begin()
        self.saved, self.bad = time.monotonic(), 0

    def _begin(self) -> states.Progress:
        recipe = content_key(self.preset, self.objective_name, self.seed, self.world.key, corpus.VERSION, tokenizers.tokenizer_hash(self.tokenizer))
        if not self.hooks.resume_from:
            return states.Progress(recipe)
        found = states.load(self.hooks.resume_from, self.model, self.optimizers, recipe)
        self.begun, self.cpu_begun = self.begun - found.seconds, self.cpu_begun - found.cpu_seconds
        return found

    def run(self) -> Facts:
        """To the end, or to a stop, which leaves a state to go on from."""
        try:
            while True:
                if self._is_due():
                    self._checkpoint()
                if self.at.step == self.preset.total:
                    break
                if self.hooks.should_stop():
                    return self._keep_stopped()
                if time.monotonic() - self.saved > self.hooks.state_seconds:
                    self._save()
                self._step()
            n = FINAL_ITEMS if self.at.step >= FEW_STEPS else FEW_ITEMS
            return self._keep(final_probes(self.model, self.tokenizer, self.world, n, self.objective_name, self._told()))
        except Stopped:
            self._save()
            raise

    def _is_due(self) -> bool:
        """Whether this step's checkpoint is still to be measured: a stop may have come while it was."""
        step, last = self.at.step, self.at.curve[-1]["step"] if self.at.curve else 0
        return step > last and (step % self.every == 0 or step == self.preset.total)

    def _step(self) -> None:
        at, preset = self.at, self.preset
        if preset.begins(at.step):
            self.optimizers = optimizers_of(self.model, preset)  # a finish does not lean on where the part before was heading
        rows, texts = batches.rows_of(self.stream, self.tokenizer, at.step, preset.progress(at.step), preset.step_tokens, preset.positions)
        at.documents, at.corpus = at.documents + len(texts), corpus.chained(at.corpus, texts)
        set_rates(self.optimizers, at.step, preset)
        self.model.train()
        at.losses.append(train_step(self.model, self.optimizers, rows, self.tokenizer, preset, self.objective_name, chance_of(self.seed, at.step)))
        at.tokens, at.step = at.tokens + sum(map(len, rows)), at.step + 1
        self.bad = 0 if isfinite(at.losses[-1]) else self.bad + 1
        if self.bad >= BAD_STEPS:
            raise TrainingError("The loss is no longer a finite number: the pretraining has diverged", f"step {at.step}",
                                "Start again with lower learning rates; the checkpoints before are still there")
        if at.step % EVERY == 0 or at.step == preset.total:
            last = at.losses[-EVERY:]
            self.hooks.metric(at.step, preset.total, {"loss": sum(last) / len(last), "tokens": at.tokens,
                                                      "learning_rate": self.optimizers[1].param_groups[0]["lr"]})

    def _checkpoint(self) -> None:
        """A point of the curve (held-out loss and probes), and the model as a base; the last one is kept with the last probes."""
        at = self.at
        self.model.eval()
        pairs = self.objective.text_losses(self.model, self.tokenizer, self.held)
        last = at.losses[(at.curve[-1]["step"] if at.curve else 0):]
        held = sum(a for a, _ in pairs) / sum(b for _, b in pairs)
        found = checkpoint_probes(self.model, self.tokenizer, self.world, self.objective_name, tell=self._leave)
        at.curve.append({"step": at.step, "tokens": at.tokens, "loss": round(sum(last) / len(last), 4), "validation_loss": round(held, 4),
                         "probes": {name: score["value"] for name, score in found.items()}})
        self.hooks.metric(at.step, self.preset.total, {"eval_loss": held} | {f"probe: {name}": score["value"] for name, score in found.items()})
        if at.step < self.preset.total:
            self._keep(found)

    def _keep_stopped(self) -> Facts:
        """The model of a stop as a base, where it is wanted. Raises Stopped where not."""
        if not self.at.step or not self.hooks.keep_stopped():
            raise Stopped
        self._save()
        return self._keep(checkpoint_probes(self.model, self.tokenizer, self.world, self.objective_name))

    def _leave(self) -> None:
        """Between two probes: obey a stop, unless the model is to be kept, which is done when they are all asked."""
        if self.hooks.should_stop() and not self.hooks.keep_stopped():
            raise Stopped

    def _keep(self, found: Probed) -> Facts:
        facts = self.facts() | {"probes": found}
        self.hooks.keep(facts, lambda folder: write(folder, self.model, self.tokenizer, facts))
        return facts

    def _save(self) -> None:
        self.at.seconds, self.at.cpu_seconds = time.time() - self.begun, time.process_time() - self.cpu_begun
        if self.hooks.states:
            states.save(self.hooks.states, self.model, self.optimizers, self.at, self.hooks.finish_state)
        self.saved = time.monotonic()

    def _told(self) -> Callable[[], None]:
        """Says how far the last probes are."""
        done = 0

        def tell() -> None:
            nonlocal done
            done += 1
            self.hooks.progress(done, FINAL_PARTS[self.objective_name])
            self._leave()
        return tell

    def facts(self) -> Facts:
        """What the card says, probes apart."""
        at = self.at
        return {"steps": at.step, "total": self.preset.total, "stopped": at.step < self.preset.total, "tokens": at.tokens,
                "seconds": round(time.time() - self.begun, 1), "documents": at.documents, "corpus": at.corpus[:16],
                "cpu_seconds": round(time.process_time() - self.cpu_begun, 1), "threads": torch.get_num_threads(), "torch": torch.__version__,
                "device": self.model.device.type, "first_loss": round(at.losses[0], 4), "last_loss": round(at.losses[-1], 4), "curve": at.curve,
                "preset": self.name, "objective": self.objective_name, "seed": self.seed, "settings": self.preset.model_dump(mode="json"),
                "parameters": self.model.num_parameters(), "world": self.world.key, "world_seed": self.world.seed,
                "tokenizer": tokenizers.tokenizer_hash(self.tokenizer), "vocabulary": len(self.tokenizer),
                "not_measured": {both.WRITES: both.CANNOT_WRITE} if self.objective_name == "masked" else {}}


def train_step(model: Any, optimizers: Optimizers, rows: list[list[int]], tokenizer: Any, preset: Preset, objective: str,
               chance: torch.Generator) -> float:
    """One step over the rows; returns the plain mean loss per predicted token."""
    parts = [OBJECTIVES[objective].batch(part, tokenizer, preset, chance) for part in batches.cut(rows)]
    whole = sum(part.weights[part.targets != batches.IGNORE].sum().item() for part in parts)
    tokens, total = sum(int((part.targets != batches.IGNORE).sum()) for part in parts), 0.0
    for part in parts:
        losses, weights = losses_of(model, part)
        ((losses * weights).sum() / whole).backward()
        total += losses.detach().sum().item()
    torch.nn.utils.clip_grad_norm_(model.parameters(), preset.clip)
    for optimizer in optimizers:
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
    return total / tokens


def checkpoint_probes(model: Any, tokenizer: Any, world: people.World, objective: str,
                      tell: Callable[[], None] = lambda: None) -> Probed:
    """What is asked on the way: the ladder of questions of a model that can write, and what both objectives can be asked."""
    shared = both.probe(model, tokenizer, world, LADDER_ITEMS, tell=tell)
    if objective == "masked":
        return shared
    found = probes.ladder(model, tokenizer, world, LADDER_ITEMS, tell=tell)
    return found | shared | {both.WRITES: both.writes({name: found[name] for name in probes.PROBES})}


def final_probes(model: Any, tokenizer: Any, world: people.World, n: int, objective: str = "causal",
                 tell: Callable[[], None] = lambda: None) -> Probed:
    """What is asked at the end, with more items and other ones than on the way. `tell` is called after each probe."""
    if objective == "masked":
        return both.probe(model, tokenizer, world, n, seed=2, tell=tell)
    found = probes.ladder(model, tokenizer, world, n=n, seed=2, tell=tell)
    questions = {name: found[name] for name in probes.PROBES}
    tell()
    found["few-shot pattern, 4 shots"] = probes.few_shot(model, tokenizer, world, n=n, seed=2)
    tell()
    found |= probes.generated(model, tokenizer, world, n=n, seed=2)
    return found | both.probe(model, tokenizer, world, n, seed=2, tell=tell) | {both.WRITES: both.writes(questions)}


def write(folder: Path, model: Any, tokenizer: Any, facts: Facts) -> None:
    """A standard model folder with its card. Raises OSError."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if facts["objective"] == "causal":
        model.generation_config.eos_token_id = tokenizer.eos_token_id
        model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    (folder / "model.safetensors").chmod(0o644)
    tokenizers.save(tokenizer, folder)
    card.write(folder, facts)
