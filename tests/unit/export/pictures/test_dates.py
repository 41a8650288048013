"""Dates, as cameras, editors and whoever names files write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.pictures.dates import Taken, date_in_name, first_date, read_date


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2015:08:22 10:08:19", "2015-08-22T10:08:19"),
        ("2015:08:21 24:00:00", "2015-08-22T00:00:00"),
        ("2015:12:31 24:00:00", "2016-01-01T00:00:00"),
        ("2015:08:22 10:08:60", "2015-08-22T10:09:00"),
        ("2025:01:08 12:00:00+09:00", "2025-01-08T12:00:00+09:00"),
        ("2015-08-22 10:08:19", "2015-08-22T10:08:19"),
        ("2015-08-22T10:08:19Z", "2015-08-22T10:08:19+00:00"),
        ("2015-08-22T10:08:19.55-0230", "2015-08-22T10:08:19-02:30"),
        ("2015:08:22 10:08:19.123", "2015-08-22T10:08:19"),
        ("2015:08:22", "2015-08-22"),
        ("2015/08/22 10:08:19", "2015-08-22T10:08:19"),
        ("2015.08.22 10:08:19", "2015-08-22T10:08:19"),
        ("22.08.2015 10:08", "2015-08-22T10:08:00"),
        ("2015:08:22 10:08", "2015-08-22T10:08:00"),
        ("2015: 8: 2 10: 8: 9", "2015-08-02T10:08:09"),
        ("20150822T100819", "2015-08-22T10:08:19"),
        ("2015:08:22 10:08:19\0garbage", "2015-08-22T10:08:19"),
        ("2015:08:22 10:08:19garbage", "2015-08-22T10:08:19"),
        ("2015:08:22 10:08:19 PM", "2015-08-22T22:08:19"),
        ("2015:08:22 12:08:19 a.m.", "2015-08-22T00:08:19"),
    ],
)
def test_a_date_that_a_person_can_read_is_one(text: str, expected: str) -> None:
    assert read_date(text) == expected


@pytest.mark.parametrize("text", ["2015:08:22 ?? 10:08:19", "2015:08:22 오후 10:08:19", "2015:08:22 25:61:61"])
def test_the_day_stays_where_the_time_is_not_certain(text: str) -> None:
    assert read_date(text) == "2015-08-22"


@pytest.mark.parametrize(
    "text",
    ["", "0000:00:00 00:00:00", "2015:00:00 00:00:00", "    :  :     :  :  ", "2015:02:30", "9999:12:31 24:00:00"],
)
def test_what_is_no_day_is_no_date(text: str) -> None:
    assert read_date(text) is None


def test_the_offset_may_lie_beside_the_date() -> None:
    assert read_date("2015:08:22 10:08:19", "+02:00") == "2015-08-22T10:08:19+02:00"
    assert read_date("2015:08:22 10:08:19", "nowhere") == "2015-08-22T10:08:19"
    assert read_date("2015:08:22", "+02:00") == "2015-08-22"


@given(st.text(alphabet="0123456789:-/. TZ+apm\0?", max_size=30), st.text(max_size=8))
def test_no_text_is_too_odd(text: str, offset: str) -> None:
    assert read_date(text, offset) is None or str(read_date(text, offset))[4] == "-"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("trips/IMG_20240315_102233.jpg", "2024-03-15T10:22:33"),
        ("PXL_20240315_102233123.jpg", "2024-03-15T10:22:33"),
        ("20240315102233.jpg", "2024-03-15T10:22:33"),
        ("2024-03-15 10.22.33.heic", "2024-03-15T10:22:33"),
        ("Screenshot 2024-03-15 at 10.22.33 PM.png", "2024-03-15T22:22:33"),
        ("IMG-20240315-WA0001.jpg", "2024-03-15"),
        ("photo 2024_03_15.jpg", "2024-03-15"),
        ("IMG_20241315_1.jpg", None),
        ("120240315.jpg", None),
        ("DSC_0001.jpg", None),
        ("20240315/DSC_0001.jpg", None),
    ],
)
def test_the_date_in_a_name(name: str, expected: str | None) -> None:
    assert date_in_name(name) == expected


def test_the_first_that_is_a_date_counts() -> None:
    candidates = [("0000:00:00", "", "exif"), ("2015-08-22", "", "xmp"), ("2016:01:01", "", "exif")]
    assert first_date(candidates) == Taken(at="2015-08-22", noted="xmp")  # type: ignore[arg-type]
    assert first_date([]) is None
