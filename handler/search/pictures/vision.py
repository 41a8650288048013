"""The vision: a picture's pixels in, the unit vector that a photo of them would be found by out.

Knows one graph, which belongs to a captioner or is a dual encoder's image tower; knows nothing of texts, files of
pictures or HTTP. It is there only where somebody wants to ask with pictures, and is loaded with the first of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from handler.bundle.fields import Fields
from handler.bundle.manifest import Manifest
from handler.bundle.relevance import Curve
from handler.errors import BundleError, NoVisionError, in_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from handler.runtime import onnxruntime

VISION_GRAPH = "vision.onnx"
VISION_WEIGHTS = "image.bin"
"""Those of an image tower, beside its graph; a captioner's graph holds its own."""
VISION_FILE = "vision.json"
Fit = Literal["squash", "crop"]
"""How a picture becomes a square: whatever its shape, or by the middle of its longer side."""
FITS: tuple[Fit, ...] = ("squash", "crop")
MAX_SIDE = 1_024
_MAX_FILE_BYTES = 1 << 20
_CHANNELS = 3
_VIEW = "visual"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tower:
    """What a dual encoder's image tower needs beside its graph.

    Attributes:
        weights_sha256: Of the file of its weights.
        middle: Side in pixels of the middle of the square that it sees.
        scale: What each channel, 0 to 255, is multiplied by.
        offset: What is added to each then.
    """

    weights_sha256: str
    middle: int
    scale: tuple[float, ...]
    offset: tuple[float, ...]

    @classmethod
    def from_fields(cls, fields: Fields) -> Self:
        """Read and check; raises BundleError."""
        tower = cls(
            weights_sha256=fields.digest("weights_sha256"),
            middle=fields.integer("middle", low=1, high=MAX_SIDE),
            scale=fields.numbers("scale", low=-1e6, high=1e6),
            offset=fields.numbers("offset", low=-1e6, high=1e6),
        )
        fields.finish()
        if not len(tower.scale) == len(tower.offset) == _CHANNELS:
            raise BundleError(f"Unexpected 'tower.scale' or 'tower.offset' in {fields.name} (expected 3 numbers each)")
        return tower

    def prepare(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A square, uint8 [side, side, 3], as the tower takes it: float32 [3, middle, middle]."""
        import numpy as np

        start = (len(pixels) - self.middle) // 2
        seen = pixels[start : start + self.middle, start : start + self.middle]
        scaled = seen * np.array(self.scale, np.float32) + np.array(self.offset, np.float32)
        return np.ascontiguousarray(scaled.transpose(2, 0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionDescription:
    """What vision.json says.

    Attributes:
        captioners: Identities of the captioners, or of the image tower, whose photos it sees as they did: the same
            graph may choose captions with a text encoder or without.
        image_side: Side in pixels of the squares that it takes.
        sha256: Of the graph's file.
        fit: How pictures become such squares.
        trace: float [dim], unit L2 norm: what a picture's size and compression leave in its vector, which is taken out;
            empty where nobody has measured it.
        curve: From the score of a photo to its relevance to a picture; None where nobody has fitted one.
        tower: What an image tower needs beside; None of a captioner's graph.
    """

    captioners: tuple[str, ...]
    image_side: int
    sha256: str
    fit: Fit = "squash"
    trace: tuple[float, ...] = ()
    curve: Curve | None = None
    tower: Tower | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check; raises BundleError."""
        try:
            with path.open("rb") as file:
                data = file.read(_MAX_FILE_BYTES + 1)
        except OSError as error:
            raise BundleError(f"{path} cannot be read: {in_words(error)}") from error
        if len(data) > _MAX_FILE_BYTES:
            raise BundleError(f"{path} is longer than {_MAX_FILE_BYTES} bytes")
        fields = Fields.parse(data, name=path.name)
        description = cls(
            captioners=fields.texts("captioners", max_length=64),
            image_side=fields.integer("image_side", low=1, high=MAX_SIDE),
            sha256=fields.digest("sha256"),
            fit=fields.choice("fit", FITS) if fields.has("fit") else "squash",
            trace=fields.numbers("trace", low=-1.0, high=1.0),
            curve=Curve.from_fields(fields.child("curve")) if fields.has("curve") else None,
            tower=Tower.from_fields(fields.child("tower")) if fields.has("tower") else None,
        )
        fields.finish()
        return description

    def to_bytes(self) -> bytes:
        """As JSON."""
        document = {name: value for name, value in asdict(self).items() if value is not None}
        return f"{json.dumps(document, allow_nan=False, sort_keys=True)}\n".encode()


class Vision:
    """A graph that sees pictures, and what is known of it; both are read when they are first asked for."""

    def __init__(self, graph: Path, describe: Callable[[], VisionDescription]) -> None:
        self.graph = graph
        self._describe = describe

    @classmethod
    def find(cls, folder: Path) -> Self | None:
        """The vision in a folder of vision.json and vision.onnx; None where there is none."""
        if not (folder / VISION_FILE).is_file():
            return None
        return cls(folder / VISION_GRAPH, lambda: VisionDescription.read(folder / VISION_FILE))

    @cached_property
    def description(self) -> VisionDescription:
        """What is known of it; raises BundleError."""
        return self._describe()

    def check(self, manifest: Manifest) -> None:
        """Raises NoVisionError where it can't see what the photos of a bundle are found by."""
        try:
            captioners = self.description.captioners
        except BundleError as error:
            logger.error("No picture can be asked with: %s", error)
            raise NoVisionError("Nothing here can look at a picture: what should is damaged") from error
        if "visual" not in manifest.views:
            raise NoVisionError(
                "The photos of this bundle were indexed without a visual view, so no picture is like one"
            )
        if manifest.seen_by not in captioners:
            raise NoVisionError(
                f"The photos of this bundle were seen by {manifest.seen_by[:16]}, and what looks at pictures here"
                f" belongs to {' and '.join(each[:16] for each in captioners) or 'none'}"
            )

    def see(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See one picture.

        Args:
            pixels: uint8 [image_side, image_side, 3], RGB; the picture, upright, made a square as `fit` says.

        Returns:
            float32 [dim], unit L2 norm.

        Raises:
            BundleError: The graph can't be used.
        """
        import numpy as np

        from handler.runtime import onnxruntime

        options = onnxruntime.RunOptions()
        options.only_execute_path_to_fetches = True  # a captioner's graph has more to tell
        tower = self.description.tower
        given = pixels if tower is None else tower.prepare(pixels)
        seen: NDArray[np.float32] = self._session.run([_VIEW], {"pixels": given[np.newaxis]}, options)[0][0]
        if self.description.trace:
            trace = np.array(self.description.trace, dtype=np.float32)
            if trace.shape != seen.shape:
                raise BundleError(f"The trace in {VISION_FILE} has {len(trace)} components (expected {len(seen)})")
            seen = seen - (seen @ trace) * trace
        return np.asarray(seen / max(float(np.linalg.norm(seen)), 1e-12), dtype=np.float32)

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        _check_content(self.graph, self.description.sha256)
        if (tower := self.description.tower) is not None:
            _check_content(self.graph.with_name(VISION_WEIGHTS), tower.weights_sha256)
        return _open_session(self.graph, self.description)


def _check_content(path: Path, sha256: str) -> None:
    try:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {in_words(error)}") from error
    if found != sha256:
        raise BundleError(f"{path} has sha256 {found} (expected {sha256})")


def _open_session(path: Path, description: VisionDescription) -> onnxruntime.InferenceSession:
    from handler.runtime import open_session

    side, tower = description.image_side, description.tower
    session = open_session(path, exact_bytes=True)
    inputs = [(node.name, node.type, node.shape[1:]) for node in session.get_inputs()]
    expected = [("pixels", "tensor(uint8)", [side, side, 3])]
    if tower is not None:
        expected = [("pixels", "tensor(float)", [3, tower.middle, tower.middle])]
    if inputs != expected or _VIEW not in [node.name for node in session.get_outputs()]:
        raise BundleError(f"Unexpected inputs {inputs} (expected {expected}), or no {_VIEW!r}, of {path.name}")
    return session
