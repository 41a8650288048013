"""An optimizer for a student with a large table of words: of the table, only the rows that a step read are changed.

AdamW's moments of a table of 60,000 words cost a step as much as half of its gradients do. The rows that a step didn't
read have no gradient, and AdamW moves them for the momentum of earlier ones alone. Without momentum a row moves at once
by what it would have moved by and by: a gradient's shares in all later steps sum to one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from export.training.text_encoder.sentence_model import TextEncoder

_DECAY = 0.999
"""Of the mean of squared gradients, as AdamW's own."""
_EPSILON = 1e-8


class RowAdamW(torch.optim.AdamW):
    """AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), but for the table of words, which has no momentum."""

    def __init__(self, student: TextEncoder, *, lr: float, weight_decay: float) -> None:
        self._table = student.bert.embeddings.word_embeddings.weight
        others = [parameter for parameter in student.parameters() if parameter is not self._table]
        groups: list[dict[str, Any]] = [{"params": others}, {"params": [self._table]}]
        super().__init__(groups, lr=lr, weight_decay=weight_decay, fused=True)
        self._rows, self._of_rows = torch.empty(0, dtype=torch.long), torch.empty(0, self._table.shape[1])

    def tell(self, rows: Tensor, of_rows: Tensor) -> None:
        """Say the gradients of the table for the next step: int64 [n], each row once, and float32 [n, dim]."""
        self._rows, self._of_rows = rows, of_rows

    def read_rows(self) -> NDArray[np.bool_]:
        """Which rows of the table any step has read: bool [rows]."""
        squares: Tensor = self.state[self._table]["exp_avg_sq"]
        read: NDArray[np.bool_] = squares.any(1).numpy()
        return read

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One step; the table's own gradient is left out."""
        loss: float | None = super().step(closure)
        state, group = self.state[self._table], self.param_groups[1]
        if not state:
            state["step"], state["exp_avg_sq"] = torch.zeros(()), torch.zeros_like(self._table)
        state["step"] += 1
        squares = state["exp_avg_sq"][self._rows].lerp_(self._of_rows.square(), 1 - _DECAY)
        state["exp_avg_sq"][self._rows] = squares
        size = (squares / (1 - _DECAY ** float(state["step"]))).sqrt_().add_(_EPSILON)
        kept = self._table[self._rows] * (1 - group["lr"] * group["weight_decay"])
        self._table[self._rows] = kept.addcdiv_(self._of_rows, size, value=-group["lr"])
        return loss
