"""A training run: its folder with a log and a checkpoint, its learning rate, and the stop at a loss that isn't finite.

It knows modules and steps, nothing of what is trained. Killed at any point, a run goes on
from its last checkpoint; batches and dropout are functions of seed and step, so that an
interrupted run reads what it would have read.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from export.errors import TrainingError

_NOTE_EVERY = 20
_SAVE_EVERY = 200


def shuffled_batch(step: int, size: int, count: int, *, seed: tuple[int, ...]) -> NDArray[np.int64]:
    """The step's part of shuffled passes over ``count`` items; int64 [min(size, count)].

    It depends on nothing but its arguments, so that a run that goes on reads what it would have read.
    """
    size = min(size, count)
    steps_per_pass = count // size
    order = np.random.default_rng((*seed, step // steps_per_pass)).permutation(count)
    return order[step % steps_per_pass * size :][:size]


@dataclass(slots=True, kw_only=True)
class Run:
    """One training run.

    Attributes:
        folder: Where ``checkpoint.pt`` and ``log.jsonl`` go.
        model: What is trained and checkpointed.
        optimizer: Steps the model; its groups' learning rates are the peaks of the schedule.
        steps: How many optimizer steps the whole run has.
        warmup: How many of them raise the learning rate linearly before the cosine lowers it to zero.
        recipe: What identifies the run: a checkpoint of another recipe is refused.
        seed: What dropout depends on, together with the step.
        average_decay: Of the exponential moving average of the weights; 0 keeps none.
    """

    folder: Path
    model: nn.Module
    optimizer: torch.optim.Optimizer
    steps: int
    warmup: int
    recipe: dict[str, Any]
    seed: int
    average_decay: float = 0.0
    averages: dict[str, Tensor] = field(default_factory=dict)
    step: int = 0
    _peaks: list[float] = field(default_factory=list)
    _started: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._peaks = [float(group["lr"]) for group in self.optimizer.param_groups]

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    def resume(self) -> None:
        """Go on from the checkpoint, if there is one.

        Raises:
            TrainingError: The checkpoint belongs to another recipe or architecture.
        """
        if not self.checkpoint.is_file():
            return
        state = torch.load(self.checkpoint, weights_only=True)
        if state["recipe"] != self.recipe:
            raise TrainingError(
                f"{self.checkpoint} was written by the recipe {state['recipe']}, expected {self.recipe}; "
                "train in another --work folder or remove this one"
            )
        try:
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise TrainingError(
                f"{self.checkpoint} holds a model of another architecture than this command trains: {error}; "
                "train in another --work folder or remove this one"
            ) from error
        self.averages = state["averages"]
        self.step = state["step"]

    def remaining(self) -> Iterator[int]:
        """The steps still to do; each wants one call of ``advance``."""
        while self.step < self.steps:
            torch.manual_seed(self.seed + self.step)
            yield self.step

    def advance(self, losses: dict[str, Tensor], gradients: Sequence[Tensor | None] | None = None) -> None:
        """One optimizer step on the sum of the losses.

        Args:
            losses: By name.
            gradients: Of their sum, one for each of the model's parameters, where they are known already; None for
                what the optimizer is told in another way.

        Raises:
            TrainingError: A loss is not finite; the checkpoint stays the last good one.
        """
        total = torch.stack(list(losses.values())).sum()
        if not math.isfinite(float(total.detach())):
            found = {name: float(loss.detach()) for name, loss in losses.items()}
            raise TrainingError(
                f"the loss is not finite at step {self.step}: {found}; the last good checkpoint is kept in "
                f"{self.folder}; look at the data or lower the learning rate, then run the command again"
            )
        rate = self._rate()
        for group, peak in zip(self.optimizer.param_groups, self._peaks, strict=True):
            group["lr"] = peak * rate
        self.optimizer.zero_grad(set_to_none=True)
        if gradients is None:
            total.backward()  # type: ignore[no-untyped-call]
        else:
            for parameter, gradient in zip(self.model.parameters(), gradients, strict=True):
                parameter.grad = gradient
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self._average()
        self.step += 1

    def note(self, **values: float | str) -> None:
        """Append a line to the log and print it."""
        line = json.dumps({"step": self.step, "seconds": round(time.monotonic() - self._started, 1), **values})
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(line + "\n")
        print(line, flush=True)

    def note_and_save(self, losses: dict[str, Tensor]) -> None:
        """Log the losses every 20 steps, save every 200 and at the end."""
        if self.step % _NOTE_EVERY == 0:
            self.note(**{name: round(loss.item(), 4) for name, loss in losses.items()})
        if self.step % _SAVE_EVERY == 0 or self.step == self.steps:
            self.save()

    def save(self) -> None:
        """Write the checkpoint beside its place and rename it."""
        beside = self.checkpoint.with_suffix(".part")
        state = {
            "recipe": self.recipe,
            "step": self.step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "averages": self.averages,
        }
        torch.save(state, beside)
        beside.replace(self.checkpoint)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The averaged weights in the model for a while."""
        own = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.use_averages()
        yield
        self.model.load_state_dict(own)

    def use_averages(self) -> None:
        """Put the averaged weights into the model: what is evaluated and exported."""
        if self.averages:
            self.model.load_state_dict(self.averages)

    def _rate(self) -> float:
        if self.step < self.warmup:
            return (self.step + 1) / self.warmup
        progress = (self.step - self.warmup) / max(1, self.steps - self.warmup)
        return 0.5 * (1.0 + math.cos(math.pi * min(1.0, progress)))

    def _average(self) -> None:
        """Exponential moving average of the weights (Polyak and Juditsky 1992); early steps count less."""
        if not self.average_decay:
            return
        decay = min(self.average_decay, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.model.state_dict().items():
                if name in self.averages and value.is_floating_point():
                    self.averages[name].lerp_(value, 1.0 - decay)
                else:
                    self.averages[name] = value.clone()
