"""Relevance: the curve is monotone, bounded, and 1.00 for a caption that is the query."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.bundle.fields import Fields
from handler.bundle.relevance import (
    IDENTICAL_AT,
    IDENTICAL_FROM,
    Calibration,
    Curve,
    QueryKind,
    identity_relevance,
    kind_of_query,
)
from handler.errors import BundleError

CURVE = Curve(slope=2.0, intercept=-6.0, threshold=0.5, knot=3.5, bend=1.0, perhaps=0.25)
CALIBRATION = Calibration(
    encoder="0" * 64,
    captioner="1" * 64,
    weights=(4.0, 6.0),
    name=replace(CURVE, threshold=0.25, perhaps=0.125),
    phrase=replace(CURVE, slope=1.0),
    sentence=CURVE,
)


def relevance(score: float, cosine: float) -> float:
    scores, cosines = np.array([score], np.float32), np.array([cosine], np.float32)
    return float(CURVE.relevance(scores, cosines)[0])


def test_known_values() -> None:
    assert relevance(3.0, 0.0) == pytest.approx(0.5)
    assert relevance(4.0, 0.0) == pytest.approx(1 / (1 + np.exp(-2.5)))
    assert relevance(0.0, 0.0) == pytest.approx(1 / (1 + np.exp(6.0)))
    assert relevance(0.0, 1.0) == 1.0


def test_identical_text_is_relevant_whatever_the_score_and_int8_rounding_does_not_matter() -> None:
    cosines = np.array([-1.0, 0.0, IDENTICAL_FROM, 0.9725, IDENTICAL_AT, 1.0, 1.01], np.float32)
    expected = [0.0, 0.0, 0.0, 0.5, 1.0, 1.0, 1.0]

    assert identity_relevance(cosines).tolist() == pytest.approx(expected, abs=1e-5)
    assert identity_relevance(cosines).dtype == np.float32


@given(
    st.lists(st.floats(-1e6, 1e6, width=32, allow_subnormal=False), min_size=2),
    st.floats(-1, 1, width=32, allow_subnormal=False),
)
def test_is_monotone_and_bounded(scores: list[float], cosine: float) -> None:
    ordered = np.sort(np.array(scores, np.float32))
    relevances = CURVE.relevance(ordered, np.full(len(scores), cosine, np.float32))

    assert relevances.dtype == np.float32
    assert ((relevances >= 0.0) & (relevances <= 1.0)).all()
    assert (np.diff(relevances) >= 0.0).all()


def test_no_photos_have_no_relevance() -> None:
    nothing = np.empty(0, np.float32)
    assert CURVE.relevance(nothing, nothing).shape == (0,)


def test_is_read_as_it_was_written() -> None:
    written = json.dumps(CALIBRATION.to_json()).encode()
    assert Calibration.from_fields(Fields.parse(written, name="calibration.json")) == CALIBRATION


@pytest.mark.parametrize(
    ("field", "value"),
    [("encoder", "other"), ("captioner", None), ("weights", ["heavy"]), ("name", 1), ("later", 1)],
)
def test_refuses(field: str, value: object) -> None:
    written = json.dumps({**CALIBRATION.to_json(), field: value}).encode()
    with pytest.raises(BundleError, match=rf"'{field}(\.0)?'"):
        Calibration.from_fields(Fields.parse(written, name="calibration.json"))


@pytest.mark.parametrize("kind", ["name", "phrase", "sentence", None])
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slope", 0.0),
        ("slope", -1.0),
        ("intercept", "low"),
        ("threshold", 1.01),
        ("threshold", True),
        ("knot", None),
        ("bend", -0.1),
        ("later", 1),
    ],
)
def test_refuses_a_curve(kind: str | None, field: str, value: object) -> None:
    document = CALIBRATION.to_json() if kind else of_earlier_versions()
    curve = document[kind] if kind else document
    assert isinstance(curve, dict)
    curve[field] = value
    with pytest.raises(BundleError, match=rf"'{kind + '.' if kind else ''}{field}'"):
        Calibration.from_fields(Fields.parse(json.dumps(document).encode(), name="calibration.json"))


def test_one_curve_without_a_kind_is_that_of_every_kind() -> None:
    """Bundles of earlier versions are served as ever: nothing is perhaps meant."""
    read = Calibration.from_fields(Fields.parse(json.dumps(of_earlier_versions()).encode(), name="calibration.json"))
    assert read.name == read.phrase == read.sentence == replace(CURVE, perhaps=1.0)


def of_earlier_versions() -> dict[str, object]:
    curve = {"slope": 2.0, "intercept": -6.0, "threshold": 0.5, "knot": 3.5, "bend": 1.0}
    return {"encoder": "0" * 64, "captioner": "1" * 64, "weights": [4.0, 6.0], **curve}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dog", "name"),
        ("a dog", "name"),
        ("The Dog", "name"),
        ("", "name"),
        ("brown dog", "phrase"),
        ("a dog on grass", "phrase"),
        ("a dog runs over the grass", "sentence"),
    ],
)
def test_the_kind_of_a_query_follows_from_its_words(text: str, expected: QueryKind) -> None:
    assert kind_of_query(text) == expected
    assert CALIBRATION.curve(expected) is getattr(CALIBRATION, expected)
