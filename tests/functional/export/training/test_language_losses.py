"""Gradients in parts are those of the whole; and each text looks for what it means."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import torch
from torch import nn

from export.training.text_encoder import language_losses
from export.training.text_encoder.language_losses import (
    GradientsInParts,
    LossWeights,
    found_by_itself,
    retrieval_loss,
)
from export.training.text_encoder.sentence_model import TextEncoder, pad
from tests.functional.export.training.tiny_models import tiny_bert

WEIGHTS = LossWeights(distillation=10.0, retrieval=0.7, temperature=0.05)


@pytest.mark.parametrize("part", [24, 10_000])
def test_gradients_in_parts_are_those_of_the_whole(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(language_losses, "_PART", part)
    monkeypatch.setattr(torch, "autocast", lambda *_: contextlib.nullcontext())  # whose rounding hides what is compared
    student = TextEncoder(tiny_bert(), nn.Linear(64, 64, bias=False)).eval()
    random = np.random.default_rng(1)
    token_ids = [random.integers(4, 400, size=size) for size in (3, 9, 1, 5, 9, 2, 4)]
    wanted = nn.functional.normalize(torch.randn(7, 64), dim=-1)
    with GradientsInParts(student, WEIGHTS) as gradients_of:
        found = gradients_of(token_ids, wanted)

    batch = pad([ids.tolist() for ids in token_ids])
    vectors = student(batch.input_ids, batch.attention_mask)
    cosines = (vectors * wanted).sum(1)
    logits, told = vectors @ wanted.T / 0.05, (wanted @ wanted.T / 0.05).softmax(1)
    whole = 10.0 * (1 - cosines).mean() + 0.7 * nn.functional.cross_entropy(logits, told)
    whole.backward()
    assert float(sum(found.losses.values())) == pytest.approx(float(whole.detach()), rel=1e-4)
    table = torch.zeros(400, 64)
    table[found.rows] = found.of_rows
    gradients = [table if gradient is None else gradient for gradient in found.gradients]
    for (name, parameter), gradient in zip(student.named_parameters(), gradients, strict=True):
        assert gradient.shape == parameter.shape
        if parameter.grad is None or "key.bias" in name:  # which softmax takes no notice of
            continue
        torch.testing.assert_close(gradient, parameter.grad, rtol=1e-3, atol=1e-4, msg=name)


def test_a_text_is_best_where_what_it_means_is() -> None:
    wanted = torch.eye(4)
    told = found_by_itself(wanted, temperature=0.05)
    right = retrieval_loss(wanted, wanted, told, temperature=0.05)
    wrong = retrieval_loss(wanted.roll(1, 0), wanted, told, temperature=0.05)
    assert right == pytest.approx(0.0, abs=1e-3)
    assert wrong == pytest.approx(4 * 20.0, rel=1e-3)


def test_what_means_the_same_is_no_mistake() -> None:
    wanted = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    told = found_by_itself(wanted, temperature=0.05)
    assert told[0].tolist() == pytest.approx([0.5, 0.5, 0.0], abs=1e-6)
