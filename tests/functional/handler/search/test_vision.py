"""The vision: what it makes of a picture, when it is loaded, and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from handler.bundle.manifest import Manifest
from handler.errors import BundleError, NoVisionError
from handler.search.pictures.vision import VISION_FILE, VISION_GRAPH, Vision, VisionDescription
from handler.search.searcher import Searcher
from tests.e2e.events import http_api_event
from tests.functional.handler.artefacts import CAPTIONER
from tests.functional.handler.visions import CURVE, SIDE, found_vision, picture_of, write_vision_folder

VECTORS = np.array([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]], np.float32)


def pixels_of(number: int) -> NDArray[np.uint8]:
    return np.frombuffer(picture_of(number), np.uint8).reshape(SIDE, SIDE, 3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_vision_folder(tmp_path / "vision", VECTORS)


@pytest.fixture
def manifest(searcher: Searcher) -> Manifest:
    return searcher.bundle.manifest


def test_a_picture_becomes_its_vector(folder: Path) -> None:
    np.testing.assert_allclose(found_vision(folder).see(pixels_of(0)), VECTORS[0], atol=1e-6)


def test_the_trace_is_taken_out(tmp_path: Path) -> None:
    vision = found_vision(write_vision_folder(tmp_path / "vision", VECTORS, trace=(0.0, 1.0, 0.0)))

    np.testing.assert_allclose(vision.see(pixels_of(0)), [1.0, 0.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(vision.see(pixels_of(1)), [0.0, 0.0, 1.0], atol=1e-6)


def test_a_picture_of_nothing_but_the_trace_is_no_vector_at_all(tmp_path: Path) -> None:
    vision = found_vision(write_vision_folder(tmp_path / "vision", VECTORS, trace=(0.0, 0.0, 1.0)))

    np.testing.assert_array_equal(vision.see(pixels_of(1)), np.zeros(3))


def test_there_is_none_where_its_file_is_not(tmp_path: Path) -> None:
    assert Vision.find(tmp_path) is None
    assert Vision.find(tmp_path / "nothing") is None


def test_what_is_written_is_read(folder: Path) -> None:
    description = VisionDescription.read(folder / VISION_FILE)

    assert (description.captioners, description.image_side, description.curve) == ((CAPTIONER,), SIDE, CURVE)
    (folder / VISION_FILE).write_bytes(replace(description, curve=None).to_bytes())
    assert VisionDescription.read(folder / VISION_FILE).curve is None


def test_nothing_is_read_before_it_is_asked_for(folder: Path, manifest: Manifest) -> None:
    vision = found_vision(folder)
    (folder / VISION_GRAPH).unlink()

    vision.check(manifest)  # which needs the description alone
    with pytest.raises(BundleError, match=r"vision\.onnx cannot be read"):
        vision.see(pixels_of(0))


def test_the_handler_starts_without_it(bundle_folder: Path, folder: Path) -> None:
    """Neither the start nor a search reads a byte of it."""
    code = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, of: opened.append(str(of[0])) if event == 'open' else None)\n"
        "import handler.lambda_function as function\n"
        f"answer = function.handler({http_api_event('/v1/search', 'q=dog')!r}, None)\n"
        "assert answer['statusCode'] == 200, answer\n"
        "assert not [path for path in opened if path.endswith(('vision.onnx', 'vision.json'))]\n"
        f"answer = function.handler({http_api_event('/v1/photos')!r}, None)\n"
        "assert '\"image_queries\":true' in answer['body'], answer\n"
        "assert [path for path in opened if path.endswith('vision.json')]\n"
        "assert not [path for path in opened if path.endswith('vision.onnx')]\n"
    )
    environment = {"THINLENS_BUNDLE": str(bundle_folder), "THINLENS_VISION": str(folder), "PATH": ""}
    root = Path(__file__).parents[4]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_bundle_of_another_captioner_is_refused(tmp_path: Path, manifest: Manifest) -> None:
    vision = found_vision(write_vision_folder(tmp_path / "vision", VECTORS, captioners=["ab" * 32, "cd" * 32]))

    with pytest.raises(NoVisionError) as refusal:
        vision.check(manifest)
    assert str(refusal.value) == (
        f"The photos of this bundle were seen by {CAPTIONER[:16]}, and what looks at pictures here belongs to"
        " abababababababab and cdcdcdcdcdcdcdcd"
    )


def test_a_bundle_without_a_visual_view_is_refused(folder: Path, manifest: Manifest) -> None:
    with pytest.raises(NoVisionError, match="indexed without a visual view"):
        found_vision(folder).check(replace(manifest, views=("caption",)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_side": 0}, "image_side"),
        ({"image_side": 5_000}, "image_side"),
        ({"sha256": "x"}, "sha256"),
        ({"captioners": "all"}, "captioners"),
        ({"trace": [2.0]}, "trace"),
        ({"curve": {}}, "slope"),
        ({"more": 1}, "more"),
    ],
)
def test_a_description_that_is_none_is_refused(
    folder: Path, manifest: Manifest, change: dict[str, object], message: str
) -> None:
    path = folder / VISION_FILE
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}))

    with pytest.raises(BundleError, match=message):
        VisionDescription.read(path)
    with pytest.raises(NoVisionError, match="what should is damaged"):
        found_vision(folder).check(manifest)


def test_another_graph_than_the_one_described_is_refused(folder: Path) -> None:
    (folder / VISION_GRAPH).write_bytes((folder / VISION_GRAPH).read_bytes() + b"\0")

    with pytest.raises(BundleError, match="has sha256"):
        found_vision(folder).see(pixels_of(0))


def test_a_graph_of_other_squares_is_refused(folder: Path) -> None:
    path = folder / VISION_FILE
    path.write_text(json.dumps({**json.loads(path.read_bytes()), "image_side": 8}))

    with pytest.raises(BundleError, match="Unexpected inputs"):
        found_vision(folder).see(pixels_of(0))


def test_a_trace_of_another_space_is_refused(tmp_path: Path) -> None:
    vision = found_vision(write_vision_folder(tmp_path / "vision", VECTORS, trace=(1.0, 0.0)))

    with pytest.raises(BundleError, match=r"2 components \(expected 3\)"):
        vision.see(pixels_of(0))
