"""Own names: what was written by Thinlens is removed, and nothing else is."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from export.disk.own_names import is_bundle_file, is_bundle_id, is_picture, is_segment_file, remove_bundle
from export.photos.kept_pictures import Thumbnails
from handler.bundle.encoder_files import ENCODER_FILES, encoder_identity
from handler.bundle.format_1 import FILES_1
from handler.bundle.manifest import (
    BUNDLE_FILES,
    MANIFEST_FILE,
    SEGMENT_FILES,
    ColumnNames,
    Counts,
    EncoderInfo,
    FileInfo,
    Manifest,
    Provenance,
    SegmentInfo,
    bundle_id,
)
from handler.bundle.relevance import Calibration, Curve

CONTENT = "ab" * 32
CAPTIONER = "c" * 64
FILE = FileInfo(size_bytes=8, sha256="d" * 64)  # 8 bytes: the views of one photo of 4 components
ENCODER = encoder_identity(dict.fromkeys(ENCODER_FILES, FILE.sha256))
SEGMENTS = tuple(
    SegmentInfo(
        encoder=ENCODER,
        captioner=CAPTIONER,
        photos=1,
        files={
            name: FILE if name == "views.i8" else FileInfo(size_bytes=size, sha256="e" * 64) for name in SEGMENT_FILES
        },
    )
    for size in (10, 20)
)
MANIFEST = Manifest(
    files=dict.fromkeys(BUNDLE_FILES, FILE),
    encoder=EncoderInfo(name="tiny", identity=ENCODER, space=ENCODER, dim=4, max_tokens=64),
    index="coded",
    views=("caption",),
    columns=ColumnNames(numbers=(), texts=()),
    segments=SEGMENTS,
    originals="id",
    calibration=Calibration.of_one_curve(
        Curve(slope=1.0, intercept=-2.0, threshold=0.5), encoder=ENCODER, captioner=CAPTIONER, weights=(1.0,)
    ),
    counts=Counts(photos=2, captions=2, failures=0),
    provenance=Provenance(
        created="2026-01-02T03:04:05Z",
        thinlens="0.1.0",
        captioner=CAPTIONER,
        instructions=("What does the image describe?",),
        packages={},
    ),
    golden=(),
)
DOCUMENT: dict[str, Any] = json.loads(MANIFEST.to_bytes())
ID = bundle_id(MANIFEST.to_bytes())
FIRST, SECOND = (segment.folder for segment in SEGMENTS)


def format_1() -> bytes:
    """The manifest of a bundle of format 1."""
    document = {
        name: value for name, value in DOCUMENT.items() if name not in ("segments", "originals", "previews", "columns")
    }
    document |= {
        "format_version": 1,
        "encoder": {name: value for name, value in DOCUMENT["encoder"].items() if name != "space"},
        "files": dict.fromkeys(FILES_1, DOCUMENT["files"]["encoder.onnx"]),
        "index": {
            "kind": "exact", "metric": "ip", "dtype": "i8", "scale": 0.1, "dim": 4, "count": 2, "expansion_search": 1,
        },
        "views": {"kinds": ["caption"], "scale": 0.1},
    }  # fmt: skip
    return json.dumps(document).encode()


def write_bundle(folder: Path, manifest: bytes = MANIFEST.to_bytes()) -> Path:
    """Write what has the names of a bundle; what is in it isn't asked for."""
    document = json.loads(manifest)
    segments = () if document["format_version"] == 1 else MANIFEST.segments
    names = [*document["files"], *(f"{segment.folder}/{name}" for segment in segments for name in segment.files)]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"ours")
    (folder / MANIFEST_FILE).write_bytes(manifest)
    return folder


def below(folder: Path) -> list[str]:
    """What is in a folder and the folders in it."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_bundle_is_removed(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / ID)
    (folder / "manifest.sig").write_bytes(b"signature")
    assert len(below(folder)) == len(MANIFEST.all_files) + 5
    remove_bundle(folder)
    assert below(tmp_path) == []


def test_a_bundle_of_format_1_is_removed(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / bundle_id(format_1()), format_1())
    (folder / "segments").mkdir()
    (folder / "segments/mine.txt").write_text("mine")
    remove_bundle(folder)
    assert below(folder) == ["segments", "segments/mine.txt"]
    remove_bundle(write_bundle(tmp_path / "x" / bundle_id(format_1()), format_1()))
    assert below(tmp_path / "x") == []


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    write_bundle(tmp_path / "staging-ab_12cd3/bundle")
    (tmp_path / "staging-ab_12cd3/bundle/segments/staging-ab_12cd4/segment").mkdir(parents=True)
    remove_bundle(tmp_path / "staging-ab_12cd3")
    assert below(tmp_path) == []


def test_a_bundle_is_one_until_it_is_removed_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed anywhere, a removal is brought to its end by the next one."""
    unlink, rmdir = Path.unlink, Path.rmdir
    for allowed in count():
        folder = write_bundle(tmp_path / ID)
        left = iter(range(allowed))

        def counted(path: Path, left: Any = left, folder: Path = folder) -> None:
            if next(left, None) is None:
                raise OSError("killed")
            (rmdir if path.is_dir() else unlink)(path)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", counted)
            patch.setattr(Path, "rmdir", counted)
            try:
                remove_bundle(folder)
            except OSError:
                pass
            else:
                break
        remove_bundle(folder)
        assert below(tmp_path) in ([], [ID]), allowed
    assert allowed == len(MANIFEST.all_files) + 5
    assert below(tmp_path) == []


@pytest.mark.parametrize("name", ["my-software", "0" * 16, ID.upper(), f"{ID}0", "staging-of-a-play"])
def test_a_folder_of_another_name_stays(tmp_path: Path, name: str) -> None:
    folder = write_bundle(tmp_path / name)
    before = below(folder)
    remove_bundle(folder)
    assert below(folder) == before


@pytest.mark.parametrize("change", [{"format_version": 3}, {"segments": []}, {"mine": 1}])
def test_a_manifest_that_is_not_understood_stays_with_all_files(tmp_path: Path, change: dict[str, object]) -> None:
    manifest = json.dumps({**DOCUMENT, **change}).encode()
    folder = write_bundle(tmp_path / bundle_id(manifest), manifest)
    before = below(folder)
    remove_bundle(folder)
    assert below(folder) == before


@pytest.mark.parametrize(
    "mine",
    ["diary.txt", "views.i8", "segments/diary.txt", "segments/0123456789abcdef/views.i8", f"{FIRST}/diary.txt"],
)
def test_a_file_of_the_users_in_a_bundle_stays(tmp_path: Path, mine: str) -> None:
    folder = write_bundle(tmp_path / ID)
    (folder / mine).parent.mkdir(parents=True, exist_ok=True)
    (folder / mine).write_text("mine")
    for _ in range(2):
        remove_bundle(folder)
        assert (folder / mine).read_text() == "mine"
        assert below(folder) == sorted([mine, *(parent.as_posix() for parent in list(Path(mine).parents)[:-1])])


@pytest.mark.parametrize("mine", ["collection.bin", f"{SECOND}/views.i8"])
def test_a_folder_at_the_name_of_a_file_stays(tmp_path: Path, mine: str) -> None:
    folder = write_bundle(tmp_path / ID)
    (folder / mine).unlink()
    (folder / mine).mkdir()
    remove_bundle(folder)
    assert below(folder)[-1] == mine
    assert not any((folder / path).is_file() for path in below(folder))


def test_an_empty_folder_behind_a_link_stays(tmp_path: Path) -> None:
    folder = write_bundle(tmp_path / ID)
    (folder / "segments").rename(tmp_path / "away")
    (tmp_path / "elsewhere" / FIRST).mkdir(parents=True)
    (folder / "segments").symlink_to(tmp_path / "elsewhere/segments")
    remove_bundle(folder)
    assert below(tmp_path / "elsewhere") == ["segments", FIRST]
    assert below(folder) == ["segments"]


@pytest.mark.parametrize("name", ["", "encoder.onnx", MANIFEST_FILE, "segments", FIRST, f"{FIRST}/codes.bin"])
def test_a_link_is_not_followed(tmp_path: Path, name: str) -> None:
    folder = write_bundle(tmp_path / ID)
    elsewhere = tmp_path / "elsewhere" / ID
    elsewhere.parent.mkdir()
    (folder / name).rename(elsewhere)
    (folder / name).symlink_to(elsewhere)
    before = below(elsewhere.parent)
    remove_bundle(folder)
    assert below(elsewhere.parent) == before
    assert (folder / name).is_symlink()


@pytest.mark.parametrize("name", ["mine.jpg", f"{'cd' * 32}.jpg", f"{CONTENT}.JPG", f"{CONTENT[:-1]}.jpg"])
def test_a_picture_of_the_users_beside_thumbnails_stays(tmp_path: Path, name: str) -> None:
    thumbnails = Thumbnails(tmp_path)
    thumbnails.write(CONTENT, b"ours")
    mine = tmp_path / "thumbnails" / "ab" / name
    mine.write_bytes(b"mine")
    thumbnails.remove([CONTENT])
    assert [path.name for path in mine.parent.iterdir()] == [name]


def test_names_are_ours_to_the_letter() -> None:
    assert is_picture(f"photos/ab/{CONTENT}.jpeg")
    assert is_picture(f"previews/ab/{CONTENT}.webp")
    assert not is_picture(f"photos/ac/{CONTENT}.jpeg")
    assert not is_picture(f"photos/ab/{CONTENT}.jpeg\n")
    assert is_bundle_id("4720f516e1d95f3b")
    assert not is_bundle_id("4720f516e1d95f3B")
    assert is_bundle_file("collection.bin")
    assert is_bundle_file("views.i8")  # of format 1
    assert not is_bundle_file("sub/collection.bin")
    assert is_segment_file("segments/4720f516e1d95f3b/views.i8")
    assert not is_segment_file("segments/4720f516e1d95f3B/views.i8")
    assert not is_segment_file("segments/4720f516e1d95f3b/mine.i8")
    assert not is_segment_file("segments/4720f516e1d95f3b/sub/views.i8")
