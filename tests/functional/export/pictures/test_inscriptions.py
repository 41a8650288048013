"""What people wrote into photos is read, whoever's program wrote it; broken metadata never fails a photo."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, TiffImagePlugin

from export.pictures.decoding import decode_photo

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:lr="http://ns.adobe.com/lightroom/1.0/" xmlns:MicrosoftPhoto="http://ns.microsoft.com/photo/1.0/"'
    ' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
)
# As exiftool and Lightroom write it.
LIGHTROOM = """
   <dc:title><rdf:Alt><rdf:li xml:lang="de">Milo auf dem Sofa</rdf:li>
     <rdf:li xml:lang="x-default">Milo on the sofa</rdf:li></rdf:Alt></dc:title>
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">He isn't &amp; wasn't allowed to.</rdf:li></rdf:Alt>
   </dc:description>
   <dc:subject><rdf:Bag><rdf:li>dog</rdf:li><rdf:li>Milo</rdf:li><rdf:li>été</rdf:li></rdf:Bag></dc:subject>
   <lr:hierarchicalSubject><rdf:Bag><rdf:li>Animals|Dog|Milo</rdf:li></rdf:Bag></lr:hierarchicalSubject>
"""


def packet(properties: str, attributes: str = "") -> bytes:
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF {RDF}><rdf:Description rdf:about="" {NAMESPACES} {attributes}>{properties}</rdf:Description>'
        f'</rdf:RDF></x:xmpmeta>{" " * 200}\n<?xpacket end="w"?>'
    ).encode()


def dataset(number: int, value: bytes, record: int = 2) -> bytes:
    return struct.pack(">BBBH", 0x1C, record, number, len(value)) + value


def app13(iptc: bytes) -> bytes:
    """The segment of a JPEG in which Photoshop keeps its resources, of which IPTC is one."""
    padded = iptc + bytes(len(iptc) % 2)
    resources = b"Photoshop 3.0\x00" + b"8BIM" + struct.pack(">HHI", 0x0404, 0, len(iptc)) + padded
    return b"\xff\xed" + struct.pack(">H", len(resources) + 2) + resources


def jpeg(path: Path, *, iptc: bytes = b"", **saved: Any) -> Path:
    Image.new("RGB", (120, 80), "teal").save(path, **saved)
    data = path.read_bytes()
    path.write_bytes(data[:2] + (app13(iptc) if iptc else b"") + data[2:])
    return path


def written(path: Path) -> object:
    facts = decode_photo(path, image_size=64).facts
    assert (facts.width, facts.height, facts.damage) == (120, 80, None)
    return None if facts.written is None else json.loads(facts.written)


def exif_of(tags: dict[int, object]) -> Image.Exif:
    exif = Image.Exif()
    exif.update(tags)
    return exif


@pytest.mark.parametrize("suffix", ["jpg", "webp", "tif", "avif"])
def test_xmp(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    xmp = packet(LIGHTROOM, 'xmp:Rating="4"')
    saved: dict[str, Any] = {"xmp": xmp} if suffix != "tif" else {"tiffinfo": {700: xmp}}
    Image.new("RGB", (120, 80), "teal").save(path, **saved)
    assert written(path) == {
        "title": "Milo on the sofa",
        "description": "He isn't & wasn't allowed to.",
        "keywords": ["dog", "Milo", "été", "Animals"],
        "rating": 4.0,
    }


@pytest.mark.parametrize(
    ("properties", "attributes", "expected"),
    [
        ("<xmp:Rating>3</xmp:Rating>", "", 3.0),
        ("", 'xmp:Rating="-1"', -1.0),
        ("", 'xmp:Rating="0"', None),
        ("", 'xmp:Rating="6"', None),
        ("", 'xmp:Rating="nan"', None),
        ("", 'xmp:Rating="five"', None),
        *(("", f'MicrosoftPhoto:Rating="{percent}"', stars) for percent, stars in [(1, 1.0), (50, 3.0), (99, 5.0)]),
        ("", 'xmp:Rating="2" MicrosoftPhoto:Rating="99"', 2.0),
    ],
)
def test_ratings(tmp_path: Path, properties: str, attributes: str, expected: float | None) -> None:
    found = written(jpeg(tmp_path / "photo.jpg", xmp=packet(properties, attributes)))
    assert found == (None if expected is None else {"rating": expected})


@pytest.mark.parametrize(
    ("datasets", "expected"),
    [
        (dataset(25, "Käse".encode()) + dataset(25, b"wine"), {"keywords": ["Käse", "wine"]}),
        (dataset(25, "Käse".encode("latin-1")), {"keywords": ["Käse"]}),
        (dataset(90, b"\x1b%G", record=1) + dataset(25, "日本".encode()[:5]), {"keywords": ["日"]}),
        (dataset(5, b"Lunch") + dataset(120, b"Cheese,\r and \x93wine\x94"),
         {"title": "Lunch", "description": "Cheese, and \u201cwine\u201d"}),
        (dataset(105, b"Headline"), {"title": "Headline"}),
        (dataset(25, b"dog") + dataset(25, b"Dog") + dataset(25, b" ") + dataset(25, b""), {"keywords": ["dog"]}),
        (struct.pack(">BBBHI", 0x1C, 2, 25, 0x8004, 3) + b"dog", {"keywords": ["dog"]}),
        (dataset(25, b"dog") + b"\x1c\x02\x19\x00\xffcat", {"keywords": ["dog"]}),
        (dataset(25, b"dog") + b"garbage", {"keywords": ["dog"]}),
        (b"garbage", None),
        (b"\x1c\x02\x19\xff\xff\xff", None),
    ],
)  # fmt: skip
def test_iptc(tmp_path: Path, datasets: bytes, expected: object) -> None:
    assert written(jpeg(tmp_path / "photo.jpg", iptc=datasets)) == expected


@pytest.mark.parametrize("as_numbers", [False, True])
def test_iptc_of_a_tiff(tmp_path: Path, as_numbers: bool) -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    data = dataset(25, b"dog") + dataset(25, b"cat!")
    data += bytes(-len(data) % 4)
    info[33723] = data
    info.tagtype[33723] = 7
    path = tmp_path / "photo.tif"
    Image.new("RGB", (120, 80)).save(path, tiffinfo=info)
    if as_numbers:
        entry = struct.pack("<HHI", 33723, 7, len(data))
        assert entry in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(entry, struct.pack("<HHI", 33723, 4, len(data) // 4)))
    assert written(tmp_path / "photo.tif") == {"keywords": ["dog", "cat!"]}


def test_exif(tmp_path: Path) -> None:
    tags = {
        0x9C9B: "Title".encode("utf-16-le"), 0x9C9C: "Комментарий\0".encode("utf-16-le"),
        0x9C9E: "dog;cat".encode("utf-16-le"), 0x4746: 5,
    }  # fmt: skip
    assert written(jpeg(tmp_path / "photo.jpg", exif=exif_of(tags))) == {
        "title": "Title", "description": "Комментарий", "keywords": ["dog", "cat"], "rating": 5.0,
    }  # fmt: skip
    assert written(jpeg(tmp_path / "photo.jpg", exif=exif_of({0x010E: "Tea at Zoë's".encode(), 0x4749: 25}))) == {
        "description": "Tea at Zoë's", "rating": 2.0,
    }  # fmt: skip


def test_xmp_counts_before_iptc_and_iptc_before_exif(tmp_path: Path) -> None:
    exif = exif_of({0x010E: "described by EXIF", 0x9C9B: "title by EXIF".encode("utf-16-le"), 0x4746: 1})
    iptc = dataset(5, b"title by IPTC") + dataset(25, b"by IPTC")
    xmp = packet("<dc:subject><rdf:Bag><rdf:li>by XMP</rdf:li></rdf:Bag></dc:subject>")
    assert written(jpeg(tmp_path / "photo.jpg", iptc=iptc, exif=exif, xmp=xmp)) == {
        "title": "title by IPTC", "description": "described by EXIF", "keywords": ["by XMP"], "rating": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "OLYMPUS DIGITAL CAMERA         ", "SONY DSC", "KONICA MINOLTA DIGITAL CAMERA", "SAMSUNG CAMERA PICTURES",
        "Exif_JPEG_PICTURE", "DCIM\\100MEDIA\\DJI_0001.JPG", "dcim/100GOPRO",
        "cof", "hdrpl", "DSC_0123", "IMG_1234.JPG",
        "Created with GIMP", "KODAK DC4800 DIGITAL CAMERA", '{"shape": [80, 120, 3]}', "default", "...",
        "\x01\x02", " ",
    ],
)  # fmt: skip
def test_what_cameras_and_programs_write_is_no_description(tmp_path: Path, text: str) -> None:
    exif = exif_of({0x010E: text, 0x010F: "KODAK", 0x0110: "DC4800"})
    assert written(jpeg(tmp_path / "photo.jpg", exif=exif, iptc=dataset(5, text.encode()))) is None


@pytest.mark.parametrize(
    "text", ["My new digital camera", "Kodak moments", "Image of a dog", "Default settings", "東京"]
)
def test_what_people_write_is_one(tmp_path: Path, text: str) -> None:
    exif = exif_of({0x010F: "KODAK", 0x0110: "DC4800"})
    path = jpeg(tmp_path / "photo.jpg", exif=exif, iptc=dataset(120, text.encode()))
    assert written(path) == {"description": text}


HOSTILE = [
    b"<", b"not XML", packet("")[:-40], packet("<dc:title>&nope;</dc:title>"), packet("\x00"), packet("</dc:title>"),
    b'<!DOCTYPE x [<!ENTITY a "dog"><!ENTITY b "&a;&a;">]>' + packet("<dc:title>&b;</dc:title>"),
    packet("<a>" * 18_000 + "</a>" * 18_000 + LIGHTROOM)[:65_000], packet(LIGHTROOM).decode().encode("utf-16"),
]  # fmt: skip


@pytest.mark.parametrize("xmp", HOSTILE, ids=range(len(HOSTILE)))
def test_a_packet_that_is_none_says_nothing_and_leaves_the_others(tmp_path: Path, xmp: bytes) -> None:
    path = jpeg(tmp_path / "photo.jpg", iptc=dataset(25, b"dog"), xmp=xmp)
    assert written(path) == {"keywords": ["dog"]}


def test_what_is_too_much_is_cut(tmp_path: Path) -> None:
    items = "".join(f"<rdf:li>{number} {'x' * 5_000}</rdf:li>" for number in range(300))
    xmp = packet(f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>")
    Image.new("RGB", (120, 80)).save(tmp_path / "too-long.webp", xmp=xmp)
    assert written(tmp_path / "too-long.webp") is None
    many = packet("<dc:subject><rdf:Bag>" + items[: 150 * 5_050].rpartition("<rdf:li>")[0] + "</rdf:Bag></dc:subject>")
    Image.new("RGB", (120, 80)).save(tmp_path / "many.webp", xmp=many)
    found = written(tmp_path / "many.webp")
    assert isinstance(found, dict)
    assert [len(keyword) for keyword in found["keywords"]] == [1_024] * 64


def test_a_deep_packet_takes_no_time(tmp_path: Path) -> None:
    depth = 140_000
    Image.new("RGB", (120, 80)).save(tmp_path / "deep.webp", xmp=packet("<a>" * depth + "</a>" * depth))
    before_s = time.process_time()
    assert written(tmp_path / "deep.webp") is None
    assert time.process_time() - before_s < 5
