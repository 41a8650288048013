"""A captioner of one's own: any image-to-text model of the supported kinds, run by torch, on the GPU if there is one.

Photos come as squares, as for every captioner here, and are only normalised: most of these models were trained on
squashed squares too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import (
    AutoImageProcessor,
    AutoTokenizer,
    BlipForConditionalGeneration,
    Florence2ForConditionalGeneration,
    GitForCausalLM,
    VisionEncoderDecoderModel,
)
from transformers.utils import logging

from export.errors import ModelError
from export.understanding.captioner import Understanding

MAX_NEW_TOKENS = 40
_CLASSES: Mapping[str, Any] = {
    "vision-encoder-decoder": VisionEncoderDecoderModel,
    "blip": BlipForConditionalGeneration,
    "git": GitForCausalLM,
    "florence2": Florence2ForConditionalGeneration,
}


class TorchCaptioner:
    """Captions of photos by a model of transformers; no visual view."""

    def __init__(self, folder: Path, *, kind: str, instructions: Sequence[str], image_size: int) -> None:
        self._kind = kind
        self._instructions = instructions
        self._image_size = image_size
        self._device = "cuda" if torch.cuda.is_available() else "cpu"
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            # What is in the folder and nothing else: no network, and no code but that of transformers.
            self._model = _CLASSES[kind].from_pretrained(folder, local_files_only=True)
            processor = AutoImageProcessor.from_pretrained(  # type: ignore[no-untyped-call]
                folder, local_files_only=True, use_fast=False
            )
            self._tokenizer = AutoTokenizer.from_pretrained(  # type: ignore[no-untyped-call]
                folder, local_files_only=True
            )
        except Exception as error:  # transformers raises whatever broken files lead it to
            raise ModelError(f"{folder} can't be loaded as {kind}: {error}") from error
        self._model.to(self._device).eval()
        self._mean, self._std = (
            torch.tensor(values, device=self._device).view(1, 3, 1, 1)
            for values in (processor.image_mean, processor.image_std)
        )

    @property
    def image_size(self) -> int:
        """Side in pixels of the squares that it takes."""
        return self._image_size

    def understand(self, pixels: NDArray[np.uint8], *, beams: int = 3) -> list[Understanding]:
        """Caption photos.

        Args:
            pixels: uint8 [n, image_size, image_size, 3], RGB.
            beams: Hypotheses of the beam search; 1 is greedy.
        """
        if not len(pixels):
            return []
        images = self._normalised(pixels)
        answers = [self._answer(instruction, images, beams) for instruction in self._instructions]
        return [Understanding(captions=texts, view=None) for texts in zip(*answers, strict=True)]

    def hypotheses(self, pixels: NDArray[np.uint8], *, beams: int) -> list[tuple[str, ...]]:
        """All that the beam search ends with, for all instructions, of each photo; as many texts as beams for each."""
        images = self._normalised(pixels)
        answers = [self._answer(instruction, images, beams, returned=beams) for instruction in self._instructions]
        return [
            tuple(text for texts in answers for text in texts[photo * beams : (photo + 1) * beams])
            for photo in range(len(pixels))
        ]

    def _normalised(self, pixels: NDArray[np.uint8]) -> Tensor:
        images = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2).float() / 255
        normalised: Tensor = (images - self._mean) / self._std
        return normalised

    @torch.inference_mode()
    def _answer(self, instruction: str, images: Tensor, beams: int, *, returned: int = 1) -> list[str]:
        prompt = self._prompt(instruction, images) if self._kind == "florence2" else {}
        tokens = self._model.generate(
            pixel_values=images,
            **prompt,
            num_beams=beams,
            num_return_sequences=returned,
            do_sample=False,
            max_new_tokens=MAX_NEW_TOKENS,
        )
        texts = self._tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [" ".join(text.split()) for text in texts]

    def _prompt(self, instruction: str, images: Tensor) -> dict[str, Tensor]:
        """Florence-2 reads its image as tokens before the instruction; here is what stands for them."""
        places = self._model.get_image_features(images[:1]).shape[1]
        asked = self._tokenizer(instruction, return_tensors="pt").input_ids
        ids = torch.cat([torch.full((1, places), self._model.config.image_token_id), asked], dim=1)
        ids = ids.repeat(len(images), 1).to(self._device)
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
