"""The vision: a picture's pixels in, the unit vector that a photo of them would be found by out.

Knows one graph, which belongs to a captioner; knows nothing of texts, files of pictures or HTTP. It is there only where
somebody wants to ask with pictures, and is loaded with the first of them.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from handler.bundle.fields import Fields
from handler.bundle.manifest import Manifest
from handler.bundle.relevance import Curve
from handler.errors import BundleError, NoVisionError, in_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from handler.runtime import onnxruntime

VISION_GRAPH = "vision.onnx"
VISION_FILE = "vision.json"
MAX_SIDE = 1_024
_MAX_FILE_BYTES = 1 << 20
_VIEW = "visual"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class VisionDescription:
    """What vision.json says.

    Attributes:
        captioners: Identities of the captioners whose photos it sees as they did: the same graph may choose captions
            with a text encoder or without.
        image_side: Side in pixels of the squares that it takes.
        sha256: Of the graph's file.
        trace: float [dim], unit L2 norm: what a picture's size and compression leave in its vector, which is taken out;
            empty where nobody has measured it.
        curve: From the score of a photo to its relevance to a picture; None for that of sentences.
    """

    captioners: tuple[str, ...]
    image_side: int
    sha256: str
    trace: tuple[float, ...] = ()
    curve: Curve | None = None

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
            trace=fields.numbers("trace", low=-1.0, high=1.0),
            curve=Curve.from_fields(fields.child("curve")) if fields.has("curve") else None,
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
                f"The photos of this bundle were seen by captioner {manifest.seen_by[:16]}, and what"
                f" looks at pictures here belongs to {' and '.join(each[:16] for each in captioners) or 'none'}"
            )

    def see(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See one picture.

        Args:
            pixels: uint8 [image_side, image_side, 3], RGB; the picture, upright, squashed to a square.

        Returns:
            float32 [dim], unit L2 norm.

        Raises:
            BundleError: The graph can't be used.
        """
        import numpy as np

        from handler.runtime import onnxruntime

        options = onnxruntime.RunOptions()
        options.only_execute_path_to_fetches = True  # a captioner's graph has more to tell
        seen: NDArray[np.float32] = self._session.run([_VIEW], {"pixels": pixels[np.newaxis]}, options)[0][0]
        if self.description.trace:
            trace = np.array(self.description.trace, dtype=np.float32)
            if trace.shape != seen.shape:
                raise BundleError(f"The trace in {VISION_FILE} has {len(trace)} components (expected {len(seen)})")
            seen = seen - (seen @ trace) * trace
        return np.asarray(seen / max(float(np.linalg.norm(seen)), 1e-12), dtype=np.float32)

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        try:
            with self.graph.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise BundleError(f"{self.graph} cannot be read: {in_words(error)}") from error
        if found != self.description.sha256:
            raise BundleError(f"{self.graph} has sha256 {found} (expected {self.description.sha256})")
        return _open_session(self.graph, self.description.image_side)


def _open_session(path: Path, side: int) -> onnxruntime.InferenceSession:
    from handler.runtime import open_session

    session = open_session(path, exact_bytes=True)
    inputs = [(node.name, node.type, node.shape[1:]) for node in session.get_inputs()]
    expected = [("pixels", "tensor(uint8)", [side, side, 3])]
    if inputs != expected or _VIEW not in [node.name for node in session.get_outputs()]:
        raise BundleError(f"Unexpected inputs {inputs} (expected {expected}), or no {_VIEW!r}, of {path.name}")
    return session
