"""The optimizer that changes only the rows of the table that a step read."""

from __future__ import annotations

import copy

import torch

from export.training.text_encoder.language_optimizer import RowAdamW
from export.training.text_encoder.sentence_model import TextEncoder
from tests.functional.export.training.tiny_models import tiny_bert


def test_rows_that_are_read_move_as_by_adamw_without_momentum_and_others_stay() -> None:
    student = TextEncoder(tiny_bert())
    table = student.bert.embeddings.word_embeddings.weight
    before = table.detach().clone()
    reference = torch.nn.Parameter(before[[3, 7]].clone())
    adamw = torch.optim.AdamW([reference], lr=1e-2, weight_decay=0.1, betas=(0.0, 0.999))
    optimizer = RowAdamW(student, lr=1e-2, weight_decay=0.1)
    for step in range(5):
        gradient = torch.randn(2, table.shape[1], generator=torch.Generator().manual_seed(step))
        optimizer.tell(torch.tensor([3, 7]), gradient)
        optimizer.step()
        reference.grad = gradient.clone()
        adamw.step()
    torch.testing.assert_close(table[[3, 7]], reference)
    rest = [row for row in range(len(table)) if row not in (3, 7)]
    assert torch.equal(table[rest], before[rest])


def test_it_goes_on_from_its_state_as_if_it_had_not_stopped() -> None:
    student = TextEncoder(tiny_bert())
    optimizer = RowAdamW(student, lr=1e-2, weight_decay=0.0)
    rows, gradient = torch.tensor([1, 2]), torch.ones(2, 64)

    def step(of: TextEncoder, by: RowAdamW) -> None:
        for parameter in of.bert.encoder.parameters():
            parameter.grad = torch.ones_like(parameter)
        by.tell(rows, gradient)
        by.step()

    step(student, optimizer)
    other = copy.deepcopy(student)
    again = RowAdamW(other, lr=1e-2, weight_decay=0.0)
    again.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    step(student, optimizer)
    step(other, again)
    for one, two in zip(student.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)
