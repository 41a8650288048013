"""A captioner of one's own: a model of transformers that makes text of pictures, run by torch, on the GPU if there is.

Each is asked as it was trained to be: with nothing but the photo, by the prompt of a task, or by an instruction
(prompts.py). No code of a model's repository is run, and weights are read from safetensors alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from transformers import AutoModelForImageTextToText, BatchFeature
from transformers.utils import logging

from export.errors import ModelError, UnreadablePhotoError
from export.understanding.captioner import Understanding
from export.understanding.hub_models.hub_processor import FROM_FOLDER, HubProcessor
from export.understanding.hub_models.prompts import PROMPTS

MAX_NEW_TOKENS = 64
"""As many as a text encoder reads of a caption."""
_BEAMS = 3
"""Hypotheses where captions were trained for. Models that take any instruction are made to answer greedily."""
_AT_ONCE = 4
"""Photos that go through a model together: more take more memory, and hardly less time each."""
_SIDE_PX, _LONGEST_SIDE_PX = 512, 1_024
"""How large a model gets to see photos: some make the more tokens of them the larger they are."""
_UNUSED = "pooler"
"""Part of the names of weights that no caption depends on; some folders lack them."""


class TorchCaptioner:
    """Captions of photos by a model of transformers; no view."""

    def __init__(self, folder: Path, *, kind: str, instructions: Sequence[str]) -> None:
        self._instructions = instructions
        self._beams = _BEAMS if kind in PROMPTS else 1
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self._model = _load_model(folder, kind)
            self._processor = HubProcessor(folder, kind)
            # Asked once, so that what doesn't fit together is said before any photo is read.
            self._answers(instructions[0], [Image.new("RGB", (64, 64), "grey")], max_new_tokens=1)
        except ModelError:
            raise
        except Exception as error:  # transformers raises whatever broken files lead it to
            raise ModelError(f"{folder} can't be used as {kind}: {_first_line(error)}") from error

    @property
    def picture_side(self) -> int:
        """Pixels that each side of a picture should have at least, where the photo has as many."""
        return _SIDE_PX

    def understand(self, pictures: Sequence[Image.Image]) -> list[Understanding]:
        """Caption photos, RGB, upright, in shapes of their own.

        Raises:
            UnreadablePhotoError: The model fails at them; alone, all but one may do well.
        """
        answers = self._of_each(pictures, self._beams, returned=1)
        return [Understanding(captions=texts, view=None) for texts in answers]

    def hypotheses(self, pictures: Sequence[Image.Image], *, beams: int) -> list[tuple[str, ...]]:
        """All that the beam search ends with, for all instructions, of each photo; as many texts as beams for each.

        Raises:
            UnreadablePhotoError: As ``understand`` does.
        """
        return list(self._of_each(pictures, beams, returned=beams))

    def _of_each(self, pictures: Sequence[Image.Image], beams: int, returned: int) -> Iterator[tuple[str, ...]]:
        """The answers to all instructions of one photo after the other."""
        for start in range(0, len(pictures), _AT_ONCE):
            part = [_bounded(picture) for picture in pictures[start : start + _AT_ONCE]]
            try:
                answers = [
                    self._answers(each, part, num_beams=beams, num_return_sequences=returned)
                    for each in self._instructions
                ]
            except Exception as error:  # of the processor, of torch, or of the GPU that is out of memory
                reason = f"the captioner failed at it: {type(error).__name__}: {_first_line(error)}"
                raise UnreadablePhotoError(reason) from error
            for of_photo in zip(*answers, strict=True):
                yield tuple(text for texts in of_photo for text in texts)

    @torch.inference_mode()
    def _answers(self, instruction: str, pictures: Sequence[Image.Image], **search: int) -> list[list[str]]:
        """What is answered of each photo: as many texts as are to be returned."""
        inputs = self._processor.prepare(instruction, pictures).to(self._model.device, dtype=self._model.dtype)
        tokens = self._model.generate(**inputs, **{"max_new_tokens": MAX_NEW_TOKENS, "do_sample": False, **search})
        texts = self._processor.texts(_generated(tokens, inputs))
        returned = len(texts) // len(pictures)
        return [texts[start : start + returned] for start in range(0, len(texts), returned)]


def _load_model(folder: Path, kind: str) -> Any:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    loaded: Any = AutoModelForImageTextToText.from_pretrained(
        folder,
        dtype=torch.bfloat16 if device == "cuda" else torch.float32,
        use_safetensors=True,
        output_loading_info=True,
        **FROM_FOLDER,
    )
    model, found = loaded
    if missing := sorted(name for name in found["missing_keys"] if _UNUSED not in name):
        raise ModelError(
            f"{folder} lacks {len(missing)} of the weights of a {kind}, among them {missing[0]}; "
            "expected a model that transformers has saved for making text of pictures"
        )
    return model.to(device).eval()


def _generated(tokens: Tensor, inputs: BatchFeature) -> Tensor:
    """Tokens, int [n * returned, tokens], without the prompt, which decoders alone say again."""
    read = inputs.get("input_ids")
    if read is None:
        return tokens
    read = read.repeat_interleave(len(tokens) // len(read), dim=0)
    again = tokens.shape[1] >= read.shape[1] and torch.equal(tokens[:, : read.shape[1]], read)
    return tokens[:, read.shape[1] :] if again else tokens


def _bounded(picture: Image.Image) -> Image.Image:
    if max(picture.size) > _LONGEST_SIDE_PX:
        picture = picture.copy()
        picture.thumbnail((_LONGEST_SIDE_PX, _LONGEST_SIDE_PX))
    return picture


def _first_line(error: Exception) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
