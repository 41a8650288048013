"""A reader of text: PP-OCRv6 (PaddleOCR), detection and recognition, as the package rapidocr carries them.

It knows what that package takes and gives; which lines are kept is for line_choice.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from export.errors import ModelError, installing
from export.library.records import TextLine
from export.understanding.text.line_choice import RULES, choose_lines

LONG_SIDE_PX = 1_600
"""What lines are cut out of: text of a page photographed whole is still some 20 pixels high."""
GLANCED_AT_PX, DETECTED_AT_PX = 384, 640
"""The longer sides of what text is looked for in: first small, which is all that photos without text cost, and where
there might be some, larger; export/training/README.md has what other sizes cost and find."""
GLANCED_FROM, DETECTED_FROM = 0.3, 0.5
"""How sure the detection has to be of a line at each."""
_SETTINGS = (1, LONG_SIDE_PX, GLANCED_AT_PX, DETECTED_AT_PX, GLANCED_FROM, DETECTED_FROM, RULES)
"""What decides here, for the identity; the first number counts changes of anything else in this module."""
_DETECTION, _RECOGNITION = "PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx"
_LEAST_PX = 16
"""The side below which nothing can be read, and what resizes pictures for the models fails."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RapidTextReaderSource:
    """The reader that the extra `ocr` brings."""

    identity: str
    models: Path

    @classmethod
    def open(cls) -> Self:
        """Find the reader, without loading it.

        Raises:
            ModelError: It isn't installed, or lacks its models.
        """
        spec = find_spec("rapidocr")
        if spec is None or spec.origin is None:
            raise ModelError(f"reading text needs rapidocr; {installing('ocr')}")
        folder = Path(spec.origin).parent / "models"
        digest = hashlib.sha256(repr(_SETTINGS).encode())
        try:
            for name in (_DETECTION, _RECOGNITION):
                with (folder / name).open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        except OSError as error:
            raise ModelError(
                f"rapidocr's model {error.filename} can't be read: {error.strerror}; install rapidocr anew: "
                "pip install --force-reinstall rapidocr"
            ) from error
        return cls(identity=digest.hexdigest(), models=folder)

    def load(self) -> RapidTextReader:
        """Load the reader for one thread.

        Raises:
            ModelError: It can't be loaded.
        """
        try:
            return RapidTextReader(self.identity, self.models)
        except Exception as error:
            raise ModelError(
                f"rapidocr can't be loaded: {type(error).__name__}: {error}; install it anew: "
                "pip install --force-reinstall rapidocr"
            ) from error


class RapidTextReader:
    """Detects lines of text, and recognises what each says."""

    long_side = LONG_SIDE_PX

    def __init__(self, identity: str, models: Path) -> None:
        from rapidocr import RapidOCR

        self.identity = identity
        self._engine: Any = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Global.use_cls": False,  # lines that stand on their head are rare in photos, and each line would cost
                "Global.max_side_len": LONG_SIDE_PX,
                "Global.text_score": 0.0,  # line_choice.py decides
                # Named, so that the package looks for none in the network.
                "Det.model_path": str(models / _DETECTION),
                "Rec.model_path": str(models / _RECOGNITION),
                "Det.limit_type": "max",  # nothing is enlarged
                "Det.limit_side_len": DETECTED_AT_PX,
                "EngineConfig.onnxruntime.intra_op_num_threads": 1,
                "EngineConfig.onnxruntime.inter_op_num_threads": 1,
            }
        )
        blank = np.full((48, 320, 3), 255, np.uint8)
        self._engine(blank, use_det=True, use_rec=False)  # it loads each model when it is first asked
        self._engine(blank, use_det=False, use_rec=True)

    def read(self, pixels: NDArray[np.uint8]) -> list[TextLine]:
        """Read a photo, uint8 [height, width, 3], RGB, upright; the lines come in reading order."""
        height, width = pixels.shape[:2]
        if min(height, width) < _LEAST_PX or not self._glance(pixels):
            return []
        found = self._engine(_in_bgr(pixels), use_det=True, use_rec=True, box_thresh=DETECTED_FROM)
        return choose_lines(_lines(found, width, height))

    def _glance(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether there might be text."""
        import cv2

        height, width = pixels.shape[:2]
        scale = min(1.0, GLANCED_AT_PX / max(height, width))
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR)  # harsh, as text is; it takes a millisecond
        found = self._engine(_in_bgr(np.asarray(small, np.uint8)), use_det=True, use_rec=False, box_thresh=GLANCED_FROM)
        return getattr(found, "boxes", None) is not None


def _in_bgr(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """As OpenCV has the channels."""
    return np.ascontiguousarray(pixels[:, :, ::-1])


def _lines(found: Any, width: int, height: int) -> Iterator[TextLine]:
    if getattr(found, "txts", None) is None or found.boxes is None:
        return
    for text, confidence, corners in zip(found.txts, found.scores, found.boxes, strict=True):
        relative = np.clip(np.asarray(corners, np.float64) / (width, height), 0.0, 1.0)
        (left, top), (right, bottom) = relative.min(axis=0).tolist(), relative.max(axis=0).tolist()
        yield TextLine(text=text, box=(left, top, right, bottom), confidence=float(confidence))
