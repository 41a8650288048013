"""The dates: when a photo was taken, as its camera, an editor or its file's name noted it.

It knows texts; what is in which tag is for metadata.py.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Noted = Literal["exif", "xmp", "name"]
"""Who noted a date: a camera or an editor in the file's EXIF or XMP, or whoever named the file."""

_SEPARATED = r"\s*[-:/. ]\s*"
_YEAR_FIRST = re.compile(rf"(?P<year>\d{{4}}){_SEPARATED}(?P<month>\d{{1,2}}){_SEPARATED}(?P<day>\d{{1,2}})(?!\d)")
_DAY_FIRST = re.compile(r"(?P<day>\d{1,2})\.\s*(?P<month>\d{1,2})\.\s*(?P<year>\d{4})(?!\d)")
_WITHOUT_SEPARATORS = re.compile(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?!\d)")
_TIME = re.compile(
    r"(?:\s*T\s*|[\s,]+)(?P<hour>\d{1,2})\s*[:.]?\s*(?P<minute>\d{1,2})(?:\s*[:.]?\s*(?P<second>\d{1,2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[ap]\.?m\b\.?)?\s*(?P<offset>Z|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_IN_NAME = re.compile(
    r"(?<!\d)(?P<year>(?:19|20)\d\d)(?P<between>[-_.]?)(?P<month>\d\d)(?P=between)(?P<day>\d\d)"
    r"(?:(?:[-_. T]|\sat\s)*(?P<hour>\d\d)(?P<inside>[-_.:h]?)(?P<minute>\d\d)(?:(?P=inside)|m)(?P<second>\d\d)"
    r"(?:\d{3})?(?P<half>\s[AP]M)?)?(?!\d)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """When a photo was taken, ISO 8601 as ``read_date`` gives it, and who says so."""

    at: str
    noted: Noted


def read_date(text: str, offset: str = "") -> str | None:
    """A date as a person would read it, ISO 8601: a day, or a day and a time, with the offset from UTC if it is known.

    The year comes first, or it comes last behind dots; after 23:59:59 come 24:00:00 and leap seconds. A time that
    isn't certain is left out, so that the day stays.

    Args:
        text: For instance ``"2021:05:04 13:22:01"`` as in EXIF, or ``"2021-05-04T13:22Z"`` as in XMP.
        offset: From UTC, for instance ``"+02:00"``, where it isn't in the text.

    Example: ``"2021:05:04 13:22:01"`` and ``"+02:00"`` -> ``"2021-05-04T13:22:01+02:00"``; ``"2021:05:04 ?? 01:22"``
    -> ``"2021-05-04"``; ``"0000:00:00 00:00:00"`` -> None
    """
    text = text.partition("\0")[0].strip()
    found = next(filter(None, (form.match(text) for form in (_YEAR_FIRST, _DAY_FIRST, _WITHOUT_SEPARATORS))), None)
    if found is None:
        return None
    try:
        day = datetime.date(*(int(found[part]) for part in ("year", "month", "day")))
        return _with_time(day, _TIME.match(text, found.end()), offset.strip("\0 "))
    except (ValueError, OverflowError):  # there is no such day
        return None


def date_in_name(path: str) -> str | None:
    """The date that cameras, phones and messengers put into a file's name, ISO 8601.

    Example: ``"trips/IMG_20240315_102233.jpg"`` -> ``"2024-03-15T10:22:33"``; ``"IMG-20240315-WA0001.jpg"`` ->
    ``"2024-03-15"``; ``"120240315.jpg"`` -> None
    """
    for found in _IN_NAME.finditer(path.rpartition("/")[2]):
        day = "-".join((found["year"], found["month"], found["day"]))
        time = ":".join((found["hour"], found["minute"], found["second"])) if found["hour"] else ""
        time += found["half"] or ""
        if date := read_date(f"{day} {time}"):
            return date
    return None


def first_date(candidates: Iterable[tuple[str, str, Noted]]) -> Taken | None:
    """The first of some texts that is a date; each with its offset from UTC, if any, and who noted it."""
    for text, offset, noted in candidates:
        if date := read_date(text, offset):
            return Taken(at=date, noted=noted)
    return None


def _with_time(day: datetime.date, time: re.Match[str] | None, offset: str) -> str:
    if time is None:
        return day.isoformat()
    hour, minute, second = (int(time[part] or 0) for part in ("hour", "minute", "second"))
    if time["half"]:
        if not 1 <= hour <= 12:
            return day.isoformat()
        hour = hour % 12 + (12 if time["half"][0] in "pP" else 0)
    if hour > 24 or minute > 59 or second > 60 or (hour == 24 and (minute or second)):
        return day.isoformat()
    midnight = datetime.datetime.combine(day, datetime.time())
    moment = midnight + datetime.timedelta(hours=hour, minutes=minute, seconds=second)
    try:
        return datetime.datetime.fromisoformat(moment.isoformat() + (time["offset"] or offset).upper()).isoformat()
    except ValueError:  # the offset is none
        return moment.isoformat()
