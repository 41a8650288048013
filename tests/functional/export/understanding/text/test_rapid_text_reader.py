"""What is written in pictures is read, where it stands; pictures of any shape, with text or without, are no trouble."""

from __future__ import annotations

import pickle
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from export.errors import ModelError
from export.understanding.text.rapid_text_reader import RapidTextReader, RapidTextReaderSource

pytest.importorskip("rapidocr", reason="rapidocr is not installed (make setup EXTRAS=ocr)")


@pytest.fixture(scope="module")
def reader() -> RapidTextReader:
    source = pickle.loads(pickle.dumps(RapidTextReaderSource.open()))
    assert isinstance(source, RapidTextReaderSource)
    loaded = source.load()
    assert (loaded.identity, len(loaded.identity)) == (source.identity, 64)
    return loaded


def picture(lines: dict[str, tuple[int, int]], *, size: tuple[int, int] = (800, 600)) -> Image.Image:
    """Black on white, each line with its left and top."""
    image = Image.new("RGB", size, "white")
    for text, place in lines.items():
        ImageDraw.Draw(image).text(place, text, fill="black", font=ImageFont.load_default(48))
    return image


def test_lines_come_in_reading_order_with_their_places(reader: RapidTextReader) -> None:
    image = picture({"HARDWARE STORE": (40, 60), "Total": (40, 300), "42.50": (560, 300), "Thank you": (40, 480)})
    lines = reader.read(np.asarray(image))
    assert [line.text for line in lines] == ["HARDWARE STORE", "Total", "42.50", "Thank you"]
    price = lines[2]
    left, top, right, bottom = price.box
    assert left == pytest.approx(560 / 800, abs=0.03)
    assert 0.48 < top < bottom < 0.62
    assert right < 0.95
    assert price.confidence > 0.9


@pytest.mark.parametrize(
    "pixels",
    [
        np.full((600, 800, 3), 200, np.uint8),
        np.random.default_rng(0).integers(0, 256, (300, 400, 3)).astype(np.uint8),
        *(np.full(shape, 90, np.uint8) for shape in [(1, 1, 3), (1, 1_600, 3), (1_600, 17, 3), (17, 1_600, 3)]),
    ],
    ids=lambda pixels: "x".join(map(str, pixels.shape)),
)
def test_pictures_without_text(reader: RapidTextReader, pixels: NDArray[np.uint8]) -> None:
    assert reader.read(pixels) == []


def test_what_is_found_says_nothing_on_standard_error(
    reader: RapidTextReader, capfd: pytest.CaptureFixture[str]
) -> None:
    reader.read(np.asarray(picture({"HARDWARE STORE": (40, 60)})))
    assert capfd.readouterr() == ("", "")


def test_a_model_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ModuleSpec("rapidocr", None, origin=str(tmp_path / "rapidocr/__init__.py"))
    monkeypatch.setattr("export.understanding.text.rapid_text_reader.find_spec", lambda _name: spec)
    with pytest.raises(ModelError, match=r"rapidocr's model .*PP-OCRv6_det_small.onnx can't be read: No such file"):
        RapidTextReaderSource.open()


def test_a_model_that_is_none_is_an_error_of_the_models(tmp_path: Path) -> None:
    for name in ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"):
        (tmp_path / name).write_bytes(b"no model")
    reader = RapidTextReaderSource(identity="0" * 64, models=tmp_path)
    with pytest.raises(ModelError, match=r"rapidocr can't be loaded: .*install it anew"):
        reader.load()


def test_the_identity_is_known_without_loading_anything() -> None:
    code = (
        "import sys; from export.understanding.text.rapid_text_reader import RapidTextReaderSource as Source;"
        "Source.open(); print('rapidocr' in sys.modules, 'cv2' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False False\n"
