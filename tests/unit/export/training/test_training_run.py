"""A training run that is interrupted, misled or poisoned."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from export.errors import TrainingError
from export.training.training_run import Run

STEPS = 12


def make_run(folder: Path, *, recipe: dict[str, object] | None = None) -> Run:
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    return Run(
        folder=folder,
        model=model,
        optimizer=optimizer,
        steps=STEPS,
        warmup=3,
        recipe=recipe or {"name": "test"},
        seed=5,
        average_decay=0.9,
    )


def advance(run: Run, *, until: int) -> None:
    for step in run.remaining():
        if step == until:
            return
        batch = torch.randn(6, 4, generator=torch.Generator().manual_seed(step))
        run.advance({"square": run.model(batch).square().mean()})


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = make_run(tmp_path / "whole")
    advance(whole, until=STEPS)
    interrupted = make_run(tmp_path / "interrupted")
    advance(interrupted, until=5)
    interrupted.save()
    advance(interrupted, until=7)  # lost: it wasn't saved
    resumed = make_run(tmp_path / "interrupted")
    resumed.resume()
    assert resumed.step == 5
    advance(resumed, until=STEPS)
    for name, value in whole.model.state_dict().items():
        assert torch.equal(value, resumed.model.state_dict()[name])
        assert torch.equal(whole.averages[name], resumed.averages[name])


def test_the_learning_rate_rises_and_falls(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    rates = []
    for _ in run.remaining():
        run.advance({"square": run.model(torch.ones(1, 4)).square().mean()})
        rates.append(run.optimizer.param_groups[0]["lr"])
    assert rates[:4] == pytest.approx([0.1 / 3, 0.2 / 3, 0.1, 0.1])
    assert rates[3:] == sorted(rates[3:], reverse=True)
    assert rates[-1] < 0.01


def test_averaged_weights_are_lent_for_a_while(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    advance(run, until=STEPS)
    own = run.model.state_dict()["0.weight"].clone()
    with run.averaged():
        assert torch.equal(run.model.state_dict()["0.weight"], run.averages["0.weight"])
    assert torch.equal(run.model.state_dict()["0.weight"], own)
    assert not torch.equal(own, run.averages["0.weight"])


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    advance(run, until=4)
    run.save()
    with pytest.raises(TrainingError, match="not finite at step 4: .*'poison': nan.*checkpoint is kept"):
        run.advance({"square": run.model(torch.ones(1, 4)).sum(), "poison": torch.tensor(torch.nan)})
    resumed = make_run(tmp_path)
    resumed.resume()
    assert resumed.step == 4


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.save()
    with pytest.raises(TrainingError, match="was written by the recipe .*'test'.*, expected .*'other'.*remove"):
        make_run(tmp_path, recipe={"name": "other"}).resume()


def test_the_log_has_a_line_of_json_each(tmp_path: Path) -> None:
    run = make_run(tmp_path)
    run.note(loss=1.5)
    run.note(loss=0.5, dev="fine")
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["step"], line["loss"], line.get("dev")) for line in lines] == [(0, 1.5, None), (0, 0.5, "fine")]
