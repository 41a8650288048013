from __future__ import annotations

import pytest

import cost


def amounts(lines: list[cost.Line]) -> dict[str, float]:
    return {line.name: line.amount for line in lines}


def test_a_bill_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """200,000 photos, 1,000,000 queries of which CloudFront answers half; round numbers for what was measured."""
    for name, value in {
        "QUERY_MS": 2.0,
        "QUERY_MS_PER_100_000_PHOTOS": 3.0,
        "START_MS": 100.0,
        "START_MS_PER_100_000_PHOTOS": 50.0,
        "STARTS_PER_QUERY": 0.01,
        "BUNDLE_MB": 20.0,
        "BUNDLE_KB_PER_PHOTO": 2.0,
        "THUMBNAIL_KB": 10.0,
        "PREVIEW_KB": 100.0,
        "ANSWER_KB": 5.0,
    }.items():
        monkeypatch.setattr(cost, name, value)
    lines = cost.bill(photos=200_000, queries=1_000_000, photo_mb=3.0, cached=0.5, http_api=True)
    found = amounts(lines)
    assert found["Lambda, requests"] == 500_000
    # 500,000 times 8 ms and 5,000 starts of 200 ms are 5,000 s of a core, which comes with 1,769 MB.
    assert found["Lambda, time (arm64)"] == pytest.approx(5_000 * 1_769 / 1_024)
    assert found["CloudFront, requests"] == 12_000_000
    assert found["CloudFront, data"] == pytest.approx(205)
    # Three bundles of 420 MB, 200,000 thumbnails of 10 kB, previews of 100 kB and photos of 3 MB.
    assert found["S3, storage"] == pytest.approx(3 * 0.42 + 2 + 20 + 600)
    assert found["HTTP API, requests"] == 500_000


def test_what_is_free_is_taken_off_once() -> None:
    line = cost.Line(name="a", amount=1_500, unit="", price=0.01, free=1_000)
    assert (line.dollars, line.dollars_after_free_tier) == (15.0, 5.0)
    assert cost.Line(name="a", amount=500, unit="", price=0.01, free=1_000).dollars_after_free_tier == 0


def test_nothing_costs_next_to_nothing() -> None:
    assert sum(line.dollars for line in cost.bill(photos=0, queries=0)) < 0.01


def test_the_table_ends_with_its_sum(capsys: pytest.CaptureFixture[str]) -> None:
    assert cost.main(["--photos", "100000", "--queries", "1000000"]) == 0
    rows = capsys.readouterr().out.splitlines()
    full, after = zip(*((float(cell) for cell in row.replace(",", "").split("$")[1:]) for row in rows[1:]), strict=True)
    assert rows[-1].startswith("a month")
    assert sum(full[:-1]) == pytest.approx(full[-1], abs=0.05)
    assert sum(after[:-1]) == pytest.approx(after[-1], abs=0.05)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--photos", "1"],
        ["--photos", "-1", "--queries", "1"],
        ["--photos", "1", "--queries", "1", "--cached", "1.1"],
        ["--photos", "many", "--queries", "1"],
    ],
)
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        cost.main(arguments)
    assert raised.value.code == 2
    assert "usage: cost.py" in capsys.readouterr().err
