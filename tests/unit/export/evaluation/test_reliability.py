from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.errors import OutputError
from export.evaluation.reliability import reliability_bins, reliability_diagram, save_diagram
from export.evaluation.retrieval import RelevancePairs


def pairs(relevances: list[float], labels: list[float]) -> RelevancePairs:
    count = len(relevances)
    return RelevancePairs(relevances=np.array(relevances), labels=np.array(labels), weights=np.full(count, 1.0 / count))


def test_bins_by_hand() -> None:
    bins = reliability_bins(pairs([0.9, 0.9, 0.1], [1, 0, 0]))
    assert bins.relevance.tolist() == pytest.approx([0.1, 0.9])
    assert bins.right.tolist() == pytest.approx([0.0, 0.5])
    assert bins.share.tolist() == pytest.approx([1 / 3, 2 / 3])


def test_weights_count() -> None:
    weighted = RelevancePairs(
        relevances=np.array([0.5, 0.52]), labels=np.array([1.0, 0.0]), weights=np.array([0.75, 0.25])
    )
    bins = reliability_bins(weighted)
    assert bins.right.tolist() == pytest.approx([0.75])
    assert bins.relevance.tolist() == pytest.approx([0.505])


def test_the_ends_have_bins() -> None:
    bins = reliability_bins(pairs([0.0, 1.0], [0, 1]))
    assert bins.relevance.tolist() == [0.0, 1.0]
    assert bins.share.tolist() == [0.5, 0.5]


def test_points_lie_where_relevance_and_share_put_them() -> None:
    image = reliability_diagram(pairs([0.25] * 4, [1, 0, 0, 0]), title="photos")
    blue = np.argwhere((np.asarray(image) == (31, 111, 235)).all(-1))
    top, left = blue.min(0)
    bottom, right = blue.max(0)
    # The square of 900 pixels starts at 130, 90; a relevance of 0.25 and a share of 0.25.
    assert ((left + right) / 2, (top + bottom) / 2) == pytest.approx((130 + 225, 90 + 675), abs=1)
    assert image.size == (1080, 1350)


def test_a_diagram_is_saved_over_no_picture_of_somebody_else(tmp_path: Path) -> None:
    diagram = Image.new("RGB", (8, 8))
    for _ in range(2):
        save_diagram(diagram, tmp_path / "ours.png")
    for name, content in (("mine.png", b"no picture"), ("other.png", None)):
        if content:
            (tmp_path / name).write_bytes(content)
        else:
            Image.new("RGB", (8, 8), "red").save(tmp_path / name)
        before = (tmp_path / name).read_bytes()
        with pytest.raises(OutputError, match=f"{name} is no diagram of Thinlens and stays"):
            save_diagram(diagram, tmp_path / name)
        assert (tmp_path / name).read_bytes() == before
