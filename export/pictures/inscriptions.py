"""Inscriptions: what people wrote into an image file: keywords, a rating, a title, a description.

Three kinds of metadata have them: XMP, IPTC's Information Interchange Model and EXIF. What one says, none behind it is
asked for, in this order, which is that of the Metadata Working Group (guidelines 2.0, chapter 5). It knows nothing of
columns and the library; whatever can't be read is as if it were missing.
"""

from __future__ import annotations

import json
import re
import struct
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from xml.etree import ElementTree

from PIL import ExifTags, Image

from export.pictures.metadata import text_of, xmp_packet
from handler.bundle.photos.catalogue import MAX_VALUE_LENGTH
from handler.bundle.texts import normalise

NAMES = ("description", "keywords", "rating", "title")
MAX_KEYWORDS = 64
MAX_XMP_LENGTH = 1 << 20
"""Of a longer packet nothing is read: a hostile one would be unpacked in memory."""
_MAX_RAW_LENGTH = 4 * MAX_VALUE_LENGTH
_LOWEST_RATING, _HIGHEST_RATING = -1.0, 5.0  # -1 is a photo that was rejected (XMP specification, part 2)

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_HEADLINE = "{http://ns.adobe.com/photoshop/1.0/}Headline"
_RATING = "{http://ns.adobe.com/xap/1.0/}Rating"
_HIERARCHY = "{http://ns.adobe.com/lightroom/1.0/}hierarchicalSubject"
_MICROSOFT = ("{http://ns.microsoft.com/photo/1.0/}", "{http://ns.microsoft.com/photo/1.0}")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"

_IPTC_RESOURCE, _IPTC_TAG = 0x0404, 33723
_IPTC_ENVELOPE, _IPTC_APPLICATION = 1, 2
_CHARACTER_SET, _IN_UTF_8 = 90, b"\x1b%G"
_OBJECT_NAME, _KEYWORD, _IPTC_HEADLINE, _CAPTION = 5, 25, 105, 120

_STARS, _PERCENT = 0x4746, 0x4749
_XP_TITLE, _XP_COMMENT, _XP_KEYWORDS, _XP_SUBJECT = 0x9C9B, 0x9C9C, 0x9C9E, 0x9C9F

_BOILERPLATE = re.compile(
    r"""
    (olympus|(konica[ ])?minolta|samsung|kodak|polaroid|vivitar|casio|sanyo)[ ]digital[ ]camera | sony[ ]dsc
    | minolta[ ]dsc | samsung[ ]camera[ ]pictures | exif[_ ]jpeg([_ ]picture)? | jfif[ ]\w+ | applemark
    | [\\/]?dcim[\\/].* | (dsc|dscf|dscn|img|imgp|p|pict|mvi|pxl)[_-]?\d{3,}(_\d+)?(\.\w+)?
    | (cof|hdr|sdr|rhdr|hdrpl|fbt|edf|ptr|mde|mfnr|dav|oznor?|dcam|jpeg|ozedf|fptbty?)(_\w+)?
    | default | untitled | image([ ]description)? | user[ ]comments | (binary|screen|screenshot|ascii)([ ]comment)?
    | (created|processed)[ ]with[ ].* | lead[ ]technologies.* | intel\(r\)[ ].*
    | shape=.* | imagej=.* | \{.* | <.*
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What programs and cameras write where a person would: a model, the name of a file, how the picture was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """What one kind of metadata says; texts that it offers, the better ones first."""

    titles: Sequence[str] = ()
    descriptions: Sequence[str] = ()
    keywords: Sequence[str] = ()
    ratings: Sequence[float] = ()


def inscription(image: Image.Image, exif: Image.Exif) -> str | None:
    """What people wrote into a loaded image, as JSON: some of ``NAMES``; None where they wrote nothing."""
    said = [_read(each, image, exif) for each in (_of_xmp, _of_iptc, _of_exif)]
    model = f"{text_of(exif, ExifTags.Base.Make)} {text_of(exif, ExifTags.Base.Model)}"
    camera = {*_words(model), "digital", "camera"}

    def first(offered: Iterable[str]) -> str:
        return next((text for text in map(_clean, offered) if text and not _is_boilerplate(text, camera)), "")

    ratings = (stars for part in said for stars in part.ratings)
    record = {
        "title": first(text for part in said for text in part.titles),
        "description": first(text for part in said for text in part.descriptions),
        "keywords": next(filter(None, (_unique(part.keywords) for part in said)), []),
        "rating": next((stars for stars in ratings if stars and _LOWEST_RATING <= stars <= _HIGHEST_RATING), None),
    }
    written = {name: value for name, value in record.items() if value}
    return json.dumps(written, ensure_ascii=False, sort_keys=True) if written else None


def _read(reader: Callable[[Image.Image, Image.Exif], _Said], image: Image.Image, exif: Image.Exif) -> _Said:
    try:
        return reader(image, exif)
    except Exception:  # noqa: BLE001 broken bytes lead parsers to whatever
        return _Said()


def _of_xmp(image: Image.Image, exif: Image.Exif) -> _Said:
    """What the XMP packet says (ISO 16684-1); one with definitions of its own, as hostile ones have, says nothing."""
    packet = xmp_packet(image, exif).strip("\0\ufeff \t\r\n")
    if not packet or len(packet) > MAX_XMP_LENGTH or "<!DOCTYPE" in packet or "<!ENTITY" in packet:
        return _Said()
    root = ElementTree.fromstring(packet)
    found: dict[str, list[str]] = defaultdict(list)
    resources = root if root.tag == f"{_RDF}RDF" else root.find(f"{_RDF}RDF")
    for description in () if resources is None else resources.findall(f"{_RDF}Description"):
        for name, value in description.items():
            found[name].append(value)
        for element in description:
            found[element.tag] += _items(element)
    percents = [percent for name in _MICROSOFT for percent in _numbers(found[f"{name}Rating"])]
    hierarchies = [part for path in found[_HIERARCHY] for part in path.split("|")]
    microsoft = [keyword for name in _MICROSOFT for keyword in found[f"{name}LastKeywordXMP"]]
    return _Said(
        titles=[*found[f"{_DC}title"], *found[_HEADLINE]],
        descriptions=found[f"{_DC}description"],
        keywords=[*found[f"{_DC}subject"], *hierarchies, *microsoft],
        ratings=[*_numbers(found[_RATING]), *map(_stars, percents)],
    )


def _items(element: ElementTree.Element) -> list[str]:
    """The texts of a property: of a list all, in the language of whoever asks for none first."""
    items = list(element.iter(f"{_RDF}li"))
    items.sort(key=lambda item: item.get(_LANGUAGE, "x-default") != "x-default")
    return [item.text or "" for item in items or [element]]


def _of_iptc(image: Image.Image, exif: Image.Exif) -> _Said:
    """What the datasets of IPTC say (Information Interchange Model 4.2, chapter 6)."""
    found: dict[int, list[bytes]] = defaultdict(list)
    in_utf_8 = False
    for record, number, value in _datasets(_iptc(image, exif)):
        if record == _IPTC_APPLICATION:
            found[number].append(value)
        elif (record, number) == (_IPTC_ENVELOPE, _CHARACTER_SET):
            in_utf_8 = value == _IN_UTF_8

    def texts(*numbers: int) -> list[str]:
        return [_decode(value, in_utf_8=in_utf_8) for number in numbers for value in found[number]]

    return _Said(titles=texts(_OBJECT_NAME, _IPTC_HEADLINE), descriptions=texts(_CAPTION), keywords=texts(_KEYWORD))


def _iptc(image: Image.Image, exif: Image.Exif) -> bytes:
    resources = image.info.get("photoshop")
    if isinstance(resources, Mapping) and isinstance(data := resources.get(_IPTC_RESOURCE), bytes):
        return data
    value = exif.get(_IPTC_TAG)
    if not isinstance(value, bytes):  # many writers take it for numbers, of which Pillow reads one; it looks here too
        value = getattr(getattr(image, "tag_v2", None), "_tagdata", {}).get(_IPTC_TAG)
    return value if isinstance(value, bytes) else b""


def _datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Record, number and value of each dataset, up to the first that isn't whole."""
    place = 0
    while place + 5 <= len(data) and data[place] == 0x1C:
        record, number, size = struct.unpack_from(">BBH", data, place + 1)
        place += 5
        if size >= 0x8000:  # the size of the size
            long = size - 0x8000
            size = int.from_bytes(data[place : place + long])
            place += long
        if place + size > len(data):
            return
        yield record, number, data[place : place + size]
        place += size


def _of_exif(_image: Image.Image, exif: Image.Exif) -> _Said:
    """What EXIF says, with the tags that Windows adds, in UTF-16."""

    def windows(tag: int) -> str:
        value = exif.get(tag, b"")
        data = bytes(value) if isinstance(value, tuple | bytes) else b""
        return data.decode("utf-16-le", "replace").partition("\0")[0]

    described = text_of(exif, ExifTags.Base.ImageDescription)
    with suppress(UnicodeEncodeError):  # Pillow takes every text for Latin-1
        described = _decode(described.encode("latin-1"), in_utf_8=False)
    return _Said(
        titles=[windows(_XP_TITLE)],
        descriptions=[windows(_XP_COMMENT), windows(_XP_SUBJECT), described],
        keywords=windows(_XP_KEYWORDS).split(";"),
        ratings=[*_numbers([text_of(exif, _STARS)]), *map(_stars, _numbers([text_of(exif, _PERCENT)]))],
    )


def _decode(value: bytes, *, in_utf_8: bool) -> str:
    """A text that is in UTF-8, because it says so or can be; else in Windows' alphabet: Latin-1 and some signs."""
    try:
        return value.decode("utf-8", "ignore" if in_utf_8 else "strict")  # one that was cut may end within a character
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")


def _numbers(texts: Iterable[str]) -> Iterator[float]:
    for text in texts:
        with suppress(ValueError):
            yield float(text[:16])


def _stars(percent: float) -> float:
    """The stars for which Windows writes 1, 25, 50, 75 and 99.

    Example: 75 -> 4.0
    """
    return 1.0 + round(percent / 25) if 0 < percent < 100 else 0.0


def _clean(text: str) -> str:
    return normalise(text[:_MAX_RAW_LENGTH])[:MAX_VALUE_LENGTH].rstrip()


def _unique(keywords: Iterable[str]) -> list[str]:
    """The first keywords, each once, however it is spelt."""
    spelt: dict[str, str] = {}
    for keyword in keywords:
        if len(spelt) < MAX_KEYWORDS and (cleaned := _clean(keyword)):
            spelt.setdefault(cleaned.casefold(), cleaned)
    return list(spelt.values())


def _is_boilerplate(text: str, camera: set[str]) -> bool:
    words = _words(text)
    return bool(_BOILERPLATE.fullmatch(text)) or not words or set(words) <= camera


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
