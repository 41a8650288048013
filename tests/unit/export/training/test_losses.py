"""The losses, each against a plain loop over its definition."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from export.training.losses import (
    IGNORED,
    answer_loss,
    distillation_loss,
    margin_loss,
    paraphrase_loss,
    photo_to_text_loss,
    text_to_photo_loss,
)

TEMPERATURE = 0.1


def unit_vectors(count: int, *, seed: int) -> Tensor:
    return functional.normalize(torch.randn(count, 6, generator=torch.Generator().manual_seed(seed)), dim=1)


def softmax_loss(positive: float, negatives: list[float]) -> float:
    return -positive + math.log(math.exp(positive) + sum(map(math.exp, negatives)))


def test_distillation_is_nothing_for_the_teacher_itself() -> None:
    vectors = unit_vectors(5, seed=0)
    assert abs(float(distillation_loss(vectors, vectors))) < 1e-6
    assert abs(float(distillation_loss(vectors, -vectors)) - 2.0) < 1e-6


def test_paraphrases_are_never_each_other_s_negatives() -> None:
    vectors, owners = unit_vectors(7, seed=1), [0, 0, 0, 1, 1, 2, 2]
    cosines = (vectors @ vectors.T / TEMPERATURE).tolist()
    losses = [
        softmax_loss(cosines[a][b], [cosines[a][n] for n in range(7) if owners[n] != owners[a]])
        for a in range(7)
        for b in range(7)
        if a != b and owners[a] == owners[b]
    ]
    found = paraphrase_loss(vectors, torch.tensor(owners), temperature=TEMPERATURE)
    assert abs(float(found) - np.mean(losses)) < 1e-5


def test_a_margin_holds_the_closest_negative_away() -> None:
    vectors, owners, margin = unit_vectors(7, seed=1), [0, 0, 0, 1, 1, 2, 2], 1.2
    distances = torch.cdist(vectors, vectors).tolist()
    pairs = [distances[a][b] ** 2 / 2 for a in range(7) for b in range(7) if a != b and owners[a] == owners[b]]
    closest = [min(distances[a][n] for n in range(7) if owners[n] != owners[a]) for a in range(7)]
    negatives = [max(0.0, margin - distance) ** 2 / 2 for distance in closest]
    found = margin_loss(vectors, torch.tensor(owners), margin=margin)
    assert abs(float(found) - np.mean(pairs) - np.mean(negatives)) < 1e-5


def test_a_photo_s_other_captions_are_no_negatives() -> None:
    visual, captions = unit_vectors(2, seed=2), unit_vectors(6, seed=3)
    rows, owners = [2, 0], [0, 0, 1, 2, 2, 2]
    cosines = (visual @ captions.T / TEMPERATURE).tolist()
    losses = []
    for photo, row in enumerate(rows):
        negatives = [cosines[photo][n] for n in range(6) if owners[n] != row]
        losses.append(np.mean([softmax_loss(cosines[photo][n], negatives) for n in range(6) if owners[n] == row]))
    found = photo_to_text_loss(visual, torch.tensor(rows), captions, torch.tensor(owners), temperature=TEMPERATURE)
    assert abs(float(found) - np.mean(losses)) < 1e-5


def test_the_same_photo_in_the_queue_is_no_negative() -> None:
    texts, visual, queue = unit_vectors(2, seed=4), unit_vectors(2, seed=5), unit_vectors(3, seed=6)
    rows, queue_rows = [7, 8], [8, 9, 7]
    candidates = (texts @ torch.cat([visual, queue]).T / TEMPERATURE).tolist()
    losses = [
        softmax_loss(candidates[0][0], [candidates[0][n] for n in (1, 2, 3)]),
        softmax_loss(candidates[1][1], [candidates[1][n] for n in (0, 3, 4)]),
    ]
    found = text_to_photo_loss(
        texts, visual, torch.tensor(rows), queue, torch.tensor(queue_rows), temperature=TEMPERATURE
    )
    assert abs(float(found) - np.mean(losses)) < 1e-5


def test_what_is_not_the_answer_has_no_gradient() -> None:
    logits = torch.randn(1, 4, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    answer_loss(logits, torch.tensor([[IGNORED, 3, IGNORED, 1]]), label_smoothing=0.0).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert (logits.grad[0].abs().sum(1) > 0).tolist() == [False, True, False, True]
