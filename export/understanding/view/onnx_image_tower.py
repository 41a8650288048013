"""The image tower of a dual encoder over ONNX Runtime: what ``thinlens index --encoder`` made of it, in a folder.

The folder holds ``image.onnx`` with its weights in ``image.bin`` (pixels -> visual view), and ``image.json``, which
says how pictures are prepared for it, and how its cosines with texts become logits.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from export.disk.model_files import IMAGE_DESCRIPTION, IMAGE_GRAPH, has_image_tower, image_tower_identity
from export.errors import ModelError
from export.understanding.view.image_encoder import Certainty
from handler.errors import in_words
from handler.runtime import adds_bytes_exactly, onnxruntime

if TYPE_CHECKING:
    from PIL import Image

    from export.pictures.fitting.patching import Patching
    from export.pictures.fitting.preprocessing import Preprocessing

_log = logging.getLogger(__name__)

PIXELS, VIEW = "pixels", "visual"
_CUDA = "CUDAExecutionProvider"
_SEEN_AT_ONCE = {False: 4, True: 64}
"""How many photos go through it together, on a processor and on a GPU: on a processor more take no less time each."""


@dataclass(frozen=True, kw_only=True)  # without slots, so that its identity is reckoned once
class ImageTowerSource:
    """A folder with IMAGE_FILES, read but not loaded; picklable.

    Attributes:
        folder: Where they lie.
        space: Identity of the text encoder in whose space its vectors lie.
    """

    folder: Path
    space: str

    @classmethod
    def find(cls, folder: Path, *, space: str) -> ImageTowerSource | None:
        """The image tower in a folder; None where none is. Raises ModelError where it sees photos in another space."""
        if not has_image_tower(folder):
            return None
        source = cls(folder=folder, space=space)
        if (found := source.description.get("space")) != space:
            raise ModelError(
                f"models don't belong together: the image tower in {folder} sees photos in the space {found}, and the "
                f"encoder beside it gives the vectors of {space}; distil or convert it anew"
            )
        return source

    @cached_property
    def identity(self) -> str:
        """Sha256 over its files' names and hashes, hexadecimal."""
        return image_tower_identity(self.folder)

    @cached_property
    def description(self) -> dict[str, Any]:
        """What image.json says; raises ModelError."""
        path = self.folder / IMAGE_DESCRIPTION
        try:
            return dict(json.loads(path.read_bytes()))
        except (OSError, ValueError, TypeError) as error:
            raise ModelError(f"{path} can't be read: {in_words(error)}; remove its folder, and index again") from error

    @property
    def preprocessing(self) -> Preprocessing | Patching:
        """How pictures are prepared for it; raises ModelError."""
        from export.pictures.fitting.patching import preparation  # and with it Pillow

        try:
            return preparation(self.description["preprocessing"])
        except (KeyError, TypeError, ValueError) as error:
            raise ModelError(f"{self.folder / IMAGE_DESCRIPTION} isn't what it should be: {in_words(error)}") from error

    @property
    def texts_apart(self) -> bool:
        """Two towers that learnt against each other leave a gap between their texts and their photos."""
        return True

    @property
    def certainty(self) -> Certainty | None:
        """SigLIP's scale and bias; CLIP learnt to choose among several, which gives no probability of one."""
        bias = self.description.get("logit_bias")
        if not isinstance(bias, int | float):
            return None
        return Certainty(scale=float(self.description["logit_scale"]), bias=float(bias))

    @property
    def alone(self) -> bool:
        """Each process loads its own, on one thread, unless ONNX Runtime was built for a GPU."""
        return _CUDA in onnxruntime.get_available_providers()

    def load(self) -> ImageTower:
        """Load it, to the GPU if there is one; raises ModelError."""
        return ImageTower(self)


class ImageTower:
    """The visual view of photos as a dual encoder sees them."""

    def __init__(self, source: ImageTowerSource) -> None:
        self._preprocessing = source.preprocessing
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_reuse = False  # for it takes seconds to find out what may lie where
        options.log_severity_level = 3
        if not adds_bytes_exactly():
            options.add_session_config_entry("session.x64quantprecision", "1")
        providers = [*([_CUDA] if source.alone else []), "CPUExecutionProvider"]
        try:
            path = str(source.folder / IMAGE_GRAPH)
            self._session = onnxruntime.InferenceSession(path, options, providers=providers)
        except Exception as error:  # onnxruntime's exceptions share no base
            raise ModelError(f"{source.folder / IMAGE_GRAPH} can't be loaded: {error}") from error
        on_gpu = _CUDA in self._session.get_providers()
        if source.alone and not on_gpu:
            _log.warning(
                "ONNX Runtime can't use a GPU here, so one core sees the photos; without onnxruntime-gpu all do"
            )
        self._at_once = _SEEN_AT_ONCE[on_gpu]

    @property
    def picture_side(self) -> int:
        """Twice what it takes, so that its own way of resizing decides what is seen."""
        return self._preprocessing.picture_side

    def embed(self, pictures: Sequence[Image.Image]) -> NDArray[np.float32]:
        """See pictures, prepared as the model's own processor does: float32 [n, dim], unit L2 norm."""
        parts = [
            self._session.run([VIEW], {PIXELS: self._preprocessing.apply(pictures[start : start + self._at_once])})[0]
            for start in range(0, len(pictures), self._at_once)
        ]
        return np.concatenate(parts)
