"""Truth: what supports captions, what is said instead of one, and how it is kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from export.errors import ModelError
from export.understanding.truth import SUPPORTS, Supports, Truth, read_truth, write_truth

TRUTH = Truth(weights=(2.0, 0.5, 0.1), bias=-1.0, caption_from=0.6, name_from=0.3)
NAMES = ("dining table", "dog", "chair", "hot dog")
TOLD = np.array([0.1, 0.4, 0.35, 0.15], np.float32)


def test_what_supports_a_caption() -> None:
    captions = ["A dog on a chair", "A table", "Nothing that has a name"]
    found = Supports(NAMES).of(
        captions, np.array([0.5, 0.4, 0.3], np.float32), np.array([-1, -2, -3], np.float32), np.stack([TOLD] * 3)
    )
    assert found.shape == (3, len(SUPPORTS))
    assert found[:, 0].tolist() == pytest.approx([0.5, 0.4, 0.3])
    assert found[:, 1].tolist() == [-1, -2, -3]
    # Of what is said, the least probable counts: the chair; a table is a dining table; of nothing, next to nothing.
    assert np.exp(found[:, 2]).tolist() == pytest.approx([0.35, 0.1, 1e-4], rel=1e-3)


def test_a_name_that_is_part_of_another_counts_both() -> None:
    found = Supports(NAMES).of(["a dog"], np.zeros(1, np.float32), np.zeros(1, np.float32), TOLD[np.newaxis])
    assert np.exp(found[0, 2]) == pytest.approx(0.55)


def test_the_better_supported_the_more_probable() -> None:
    poor, rich = TRUTH.of(np.array([[0.1, -2, -5], [0.6, -1, -1]], np.float32))
    assert 0.0 < poor < rich < 1.0


@pytest.mark.parametrize(
    ("name_from", "said"), [(0.3, "a dog and a chair"), (0.01, "a dog, a chair and a hot dog"), (0.5, "")]
)
def test_only_sure_names_are_said(name_from: float, said: str) -> None:
    truth = Truth(weights=TRUTH.weights, bias=0.0, caption_from=0.0, name_from=name_from)
    assert truth.sure(TOLD, NAMES) == said


def test_truth_is_kept_beside_the_other_settings(tmp_path: Path) -> None:
    settings = tmp_path / "captioner.json"
    settings.write_text('{"name": "some"}')
    write_truth(tmp_path, TRUTH)
    assert json.loads(settings.read_text())["name"] == "some"
    assert read_truth(json.loads(settings.read_text())) == TRUTH
    write_truth(tmp_path, None)
    assert json.loads(settings.read_text()) == {"name": "some"}
    assert read_truth({}) is None


@pytest.mark.parametrize(
    "damage",
    [{"weights": None}, {"weights": [1.0]}, {"weights": ["a", "b", "c"]}, {"bias": "much"}, {"caption_from": None}],
)
def test_damaged_truth_is_refused(tmp_path: Path, damage: dict[str, object]) -> None:
    (tmp_path / "captioner.json").write_text("{}")
    write_truth(tmp_path, TRUTH)
    settings = json.loads((tmp_path / "captioner.json").read_text())
    settings["truth"] |= damage
    with pytest.raises(ModelError, match=r"captioner\.json"):
        read_truth(settings)
