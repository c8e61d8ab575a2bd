"""How a step is computed: a batch in pieces that find room on the device, over one process or several. What it computes stays the same.

A trainer says which parts add up to a batch's loss, and what is measured of each part; this file runs them, one forward and one
backward pass each. In a group of processes every one sees the whole batch and takes its share of the rows.
"""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any, Callable, Iterator

import torch
from accelerate.data_loader import prepare_data_loader
from torch.utils.data import DataLoader

from lab.core.fit import Plan
from lab.methods import group, sharding, shared_state
from lab.methods.order import ByLength

SCHEDULER = "scheduler.pt"  # as the library names it
Part = Callable[[Any], torch.Tensor]  # model -> a share of the batch's loss


def cut(batch: dict[str, Any], places: list[int], sides: int = 1) -> dict[str, Any]:
    """Some rows of a left-padded batch without the padding they do not need. `sides`: 2 where chosen rows stand before rejected ones."""
    count = len(batch["input_ids"]) // sides
    rows = torch.tensor([place + side * count for side in range(sides) for place in places], device=batch["input_ids"].device)
    found = {name: tensor[rows] for name, tensor in batch.items() if isinstance(tensor, torch.Tensor)}
    width = int(found["attention_mask"].sum(1).max())
    narrow = {name: tensor[:, -width:] if tensor.dim() == 2 else tensor for name, tensor in found.items()}
    return {**narrow, "keep": int((narrow["labels"] != -100).sum(1).max())}


class LeanTrainer:
    """Mixed into the library's trainers: batches by length, in pieces, and checkpoints without its model card.

    A trainer of the lab gives `parts(inputs, training)`: losses that add up to the batch's, over all pieces and processes, and calls
    `measure` for what adds up to the batch's measurements.
    """

    plan: Plan = Plan()
    packed: bool = False  # whether the rows of a pass are joined into one while training; validation batches are large, and their mask its square

    def parts(self, inputs: dict[str, Any], training: bool) -> list[Part]:
        """The batch's losses in parts. Each lever's own trainer says them; a trainer without them cannot take a step."""
        raise NotImplementedError(f"{type(self).__name__} does not say its loss")

    def pieces(self, inputs: dict[str, Any], sides: int = 1) -> Iterator[tuple[dict[str, Any], bool]]:
        """(rows for one pass, whether they count): this process's share of a batch, at most a micro-batch at a time. A process that has no
        row left passes one that does not count, because the others wait for it."""
        count = len(inputs["input_ids"]) // sides
        own = list(range(count))[group.rank()::group.size()]
        size = self.plan.micro_batch or count
        if size >= count == len(own):
            yield inputs, True
            return
        for start in range(0, -(-count // group.size()), size):
            rows = own[start:start + size]
            yield cut(inputs, rows or [0], sides), bool(rows)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Gradients of the whole batch, added up part by part. Returns its loss; in a group the mean over the processes is the loss."""
        model.train()
        inputs = self._prepare_inputs(inputs)
        self._total_train_tokens += int(inputs["attention_mask"].sum())
        self._metrics["train"]["num_tokens"] = [self._total_train_tokens]
        total = self.pass_back(model, self.parts(inputs, True))
        self._tell("train")
        return total

    def pass_back(self, model: Any, parts: list[Part], together: bool = True) -> torch.Tensor:
        """Forward and backward of each part; the last one brings the group's gradients together where that is wanted, and every one where
        they are shared out: kept whole until the last they would take the memory of all weights."""
        total = torch.zeros((), device=self.args.device)
        for number, part in enumerate(parts, start=1):
            with nullcontext() if together and number == len(parts) or self.is_fsdp_enabled else self.accelerator.no_sync(model):
                with self.compute_loss_context_manager():
                    loss = part(model) * group.size()  # the group's gradients are averaged
                self.accelerator.backward(loss)
            total += loss.detach()
        return total

    def prediction_step(self, model: Any, inputs: dict[str, Any], prediction_loss_only: bool,
                        ignore_keys: list[str] | None = None) -> tuple[torch.Tensor, None, None]:
        with torch.no_grad(), self.compute_loss_context_manager():
            loss = sum(part(model) for part in self.parts(self._prepare_inputs(inputs), False))
        self._tell("eval")
        return group.summed(loss), None, None

    def measure(self, **values: torch.Tensor) -> None:
        """Add a part's share of what is measured of the batch."""
        held = self.__dict__.setdefault("_measured", {})
        for name, value in values.items():
            held[name] = held.get(name, 0) + value.detach()

    def forget_measured(self) -> dict[str, torch.Tensor]:
        """The sums so far, which begin anew."""
        return self.__dict__.pop("_measured", {})

    def _tell(self, mode: str) -> None:
        """Hand a batch's measurements to the library, which averages them until its next logged point."""
        held = self.forget_measured()
        if held:
            for name, value in zip(held, group.summed(torch.stack(list(held.values()))).tolist()):
                self._metrics[mode][name].append(value)

    def _get_train_sampler(self, train_dataset: Any = None) -> ByLength:
        rows = self.train_dataset if train_dataset is None else train_dataset
        return ByLength(list(rows["length"]), self.args.per_device_train_batch_size, self.args.data_seed)

    def get_train_dataloader(self) -> DataLoader:
        return super().get_train_dataloader() if group.size() == 1 else self._whole(
            self.train_dataset, self.args.per_device_train_batch_size, self._get_train_sampler())

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader:
        return super().get_eval_dataloader(eval_dataset) if group.size() == 1 else self._whole(
            self.eval_dataset, self.args.per_device_eval_batch_size)

    def _whole(self, rows: Any, batch_size: int, sampler: ByLength | None = None) -> DataLoader:
        """The same whole batches in every process of a group: `pieces` shares them out."""
        plain = DataLoader(rows, batch_size=batch_size, sampler=sampler, collate_fn=self.data_collator)
        return prepare_data_loader(plain, device=self.args.device, num_processes=1, process_index=0, put_on_device=True)

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> Any:
        if group.size() > 1:
            self.gather_function = lambda losses: losses  # every process has the whole batch's loss
        return super().evaluation_loop(*args, **kwargs)

    def create_accelerator_and_postprocess(self) -> None:
        super().create_accelerator_and_postprocess()
        if self.args.fsdp:
            sharding.switch_on(self.accelerator.state, self.args.fsdp_plugin_args)
            self.is_fsdp_enabled = True

    def save_model(self, *args: Any, **kwargs: Any) -> None:
        """A checkpoint's weights; where they are shared out they stand beside the optimizer's moments."""
        if not self.is_fsdp_enabled:
            super().save_model(*args, **kwargs)

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        if not self.is_fsdp_enabled:
            return super()._save_optimizer_and_scheduler(output_dir)
        shared_state.save(self.model, self.optimizer, Path(output_dir))
        if self.args.should_save:
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER)

    def _load_from_checkpoint(self, folder: str, model: Any = None) -> None:
        if not self.is_fsdp_enabled:  # else they are read together with the optimizer's moments
            super()._load_from_checkpoint(folder, model)

    def _load_optimizer_and_scheduler(self, folder: str | None) -> None:
        if not self.is_fsdp_enabled or folder is None:
            return super()._load_optimizer_and_scheduler(folder)
        shared_state.load(self.model, self.optimizer, Path(folder))
        self.lr_scheduler.load_state_dict(torch.load(Path(folder) / SCHEDULER, weights_only=True))
        for options, rate in zip(self.optimizer.param_groups, self.lr_scheduler.get_last_lr()):
            options["lr"] = rate

    def create_model_card(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: the library's card cannot name a local base; the lab writes its own manifest beside every adapter."""
