"""A pretraining small enough for tests, and what collects its bases."""

from contextlib import contextmanager
from pathlib import Path

from lab.store import files
from lab.world.presets import PRESETS
from lab.world.pretrain import Hooks

TINY = PRESETS["XS"].model_copy(update={"width": 32, "inner": 88, "layers": 2, "heads": 2, "step_tokens": 256, "steps": 13, "finishes": (4, 3),
                                         "checkpoints": 1})


class Collected:
    """Hooks that write every base into root/base-<step> and stop after `stop_at` steps; `seen` holds the metrics."""

    def __init__(self, root: Path, stop_at: int | None = None, keep: bool = False, resume: bool = False, state_seconds: float = 60.0):
        self.root, self.stop_at, self.seen, self.facts = root, stop_at, [], {}
        states = root / "states"
        newest = next(iter(sorted(states.glob("checkpoint-*"))), None)
        self.hooks = Hooks(metric=lambda step, total, values: self.seen.append((step, total, values)), should_stop=self.stops,
                           keep_stopped=lambda: keep, keep=self.keep, states=states, finish_state=files.write_manifest,
                           resume_from=newest if resume else None, state_seconds=state_seconds)
        self.steps = 0

    def stops(self) -> bool:
        """Asked before every step."""
        self.steps += 1
        return self.stop_at is not None and self.steps > self.stop_at

    def keep(self, facts, write) -> None:
        self.facts[facts["steps"]] = facts
        write(self.root / f"base-{facts['steps']}")


@contextmanager
def one_thread():
    """More threads than free cores make these runs take minutes."""
    import torch
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
