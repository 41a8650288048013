"""The losses of the encoder for many languages, and their gradients, which several threads find part by part.

What a text has to find are the teacher's vectors, which are known; so no text's loss depends on another's vector, and
a step's texts can be taken in parts. On a machine that does other things too, threads that each have a part are done
sooner than threads that share each operation, and wait for each other hundreds of times in a step.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from export.training.text_encoder.sentence_model import TextEncoder, pad

_PART = 2_048
"""So many tokens, padding included, go through the student at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LossWeights:
    """What the losses count for; the temperature divides the cosines of what is to be found."""

    distillation: float
    retrieval: float
    temperature: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LossesFound:
    """The losses of a step, and the gradients of their sum.

    Attributes:
        losses: By name.
        gradients: One for each of the student's parameters; None for the table of words, which is large and of which
            a step reads little.
        rows: int64 [n], the rows of the table that were read, each once.
        of_rows: float32 [n, dim], their gradients.
    """

    losses: dict[str, Tensor]
    gradients: list[Tensor | None]
    rows: Tensor
    of_rows: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Some texts of a step: padded token ids, the part of the losses, the gradients of words and other parameters."""

    input_ids: Tensor
    losses: dict[str, Tensor]
    words: Tensor
    others: tuple[Tensor, ...]


def retrieval_loss(vectors: Tensor, wanted: Tensor, told: Tensor, *, temperature: float) -> Tensor:
    """Each text has to find what it means among what all of a step mean, as that finds itself: cross-entropy, summed.

    Args:
        vectors: float32 [n, dim], unit L2 norm.
        wanted: float32 [m, dim], the teacher's vectors.
        told: float32 [n, m], how that finds itself (``found_by_itself``).
        temperature: Divides the cosines.
    """
    return -(told * (vectors @ wanted.T / temperature).log_softmax(1)).sum()


def found_by_itself(wanted: Tensor, *, temperature: float) -> Tensor:
    """The distribution of each vector's similarities to all: what means the same is found too, and is no mistake."""
    return (wanted @ wanted.T / temperature).softmax(1)


class GradientsInParts:
    """Finds losses and gradients of a step in threads, one for each core."""

    def __init__(self, student: TextEncoder, weights: LossWeights) -> None:
        self._student, self._weights = student, weights
        self._table = student.bert.embeddings.word_embeddings.weight
        self._others = [parameter for parameter in student.parameters() if parameter is not self._table]
        self._kernel = sdpa_kernel(SDPBackend.MATH)  # is chosen for all threads, so that none may end it for others

    def __enter__(self) -> Self:
        self._threads = torch.get_num_threads()
        torch.set_num_threads(1)
        self._kernel.__enter__()
        self._pool = ThreadPoolExecutor(os.cpu_count(), initializer=torch.set_num_threads, initargs=(1,))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()
        self._kernel.__exit__(kind, error, trace)
        torch.set_num_threads(self._threads)

    def __call__(self, token_ids: Sequence[NDArray[np.int64]], wanted: Tensor) -> LossesFound:
        """Find them.

        Args:
            token_ids: Of each text.
            wanted: float32 [texts, dim], unit L2 norm: the vectors that they are to have.
        """
        told = found_by_itself(wanted, temperature=self._weights.temperature)
        parts = list(self._pool.map(lambda rows: self._part(token_ids, rows, wanted, told), _parts(token_ids)))
        read = torch.cat([part.input_ids.flatten() for part in parts])
        rows, places = read.unique(return_inverse=True)  # type: ignore[no-untyped-call]
        words = torch.cat([part.words.flatten(0, 1) for part in parts])
        others = iter([functools.reduce(torch.add, of) for of in zip(*(part.others for part in parts), strict=True)])
        return LossesFound(
            losses={name: torch.stack([part.losses[name] for part in parts]).sum() for name in parts[0].losses},
            gradients=[None if parameter is self._table else next(others) for parameter in self._student.parameters()],
            rows=rows,
            of_rows=torch.zeros(len(rows), words.shape[1]).index_add_(0, places, words),
        )

    def _part(
        self, token_ids: Sequence[NDArray[np.int64]], rows: NDArray[np.int64], wanted: Tensor, told: Tensor
    ) -> _Part:
        batch = pad([token_ids[row].tolist() for row in rows])
        words = self._table.detach()[batch.input_ids].requires_grad_()
        with torch.autocast("cpu", torch.bfloat16):
            vectors = self._student(batch.input_ids, batch.attention_mask, words)
        chosen = torch.from_numpy(rows)
        off = (1.0 - (vectors * wanted[chosen]).sum(-1)).sum()
        sought = retrieval_loss(vectors, wanted, told[chosen], temperature=self._weights.temperature)
        losses = {
            "distillation": self._weights.distillation * off / len(token_ids),
            "retrieval": self._weights.retrieval * sought / len(token_ids),
        }
        gradients = torch.autograd.grad(torch.stack(list(losses.values())).sum(), [words, *self._others])
        return _Part(
            input_ids=batch.input_ids,
            losses={name: loss.detach() for name, loss in losses.items()},
            words=gradients[0],
            others=gradients[1:],
        )


def _parts(token_ids: Sequence[NDArray[np.int64]]) -> list[NDArray[np.int64]]:
    """Rows of texts of similar length, the longest first, about _PART tokens each."""
    order = np.array(sorted(range(len(token_ids)), key=lambda row: -len(token_ids[row])))
    parts, first = [], 0
    while first < len(order):
        size = max(1, _PART // len(token_ids[order[first]]))
        parts.append(order[first : first + size])
        first += size
    return parts
