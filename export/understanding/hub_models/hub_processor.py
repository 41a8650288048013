"""The processor of a captioner of one's own: pictures and an instruction become what the model reads, and tokens text.

It is the model's own, with its sizes, crops, prompts and chat template, less what it has for films, which needs
torchvision.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image
from torch import Tensor
from transformers import AutoConfig, AutoImageProcessor, AutoTokenizer, Idefics3Processor, ProcessorMixin
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING, processor_class_from_name

from export.understanding.hub_models.prompts import PROMPTS, converses

FROM_FOLDER: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}
"""What is in the folder and nothing else: no network, and no code but that of transformers."""
_NAMING_PROCESSOR = ("processor_config.json", "preprocessor_config.json", "tokenizer_config.json")


class HubProcessor:
    """Prepares what a model reads; what is missing or broken in its folder raises whatever transformers raises."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._kind = kind
        if kind == "vision-encoder-decoder":  # it is two models, each with a processor of its own
            self._processor: Any = None
            self._image_processor: Any = AutoImageProcessor.from_pretrained(folder, **FROM_FOLDER)  # type: ignore[no-untyped-call]
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, **FROM_FOLDER)  # type: ignore[no-untyped-call]
        else:
            self._processor = _without_films(_processor_class(folder)).from_pretrained(folder, **FROM_FOLDER)
            self._image_processor = self._processor.image_processor
            self._tokenizer = self._processor.tokenizer
        self._tokenizer.padding_side = "left"  # what is generated goes on from what was read
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token

    def prepare(self, instruction: str, pictures: Sequence[Image.Image]) -> Any:
        """What a model reads of pictures, of each with the same instruction: a BatchFeature."""
        prompt = PROMPTS.get(self._kind, {}).get(instruction, instruction)
        if prompt is None:
            return self._image_processor(list(pictures), return_tensors="pt")
        images: list[Any] = list(pictures)
        more = {}
        if converses(self._kind):
            prompt = self._conversation(prompt)
            images = [[image] for image in images]
            if self._tokenizer.bos_token and prompt.startswith(self._tokenizer.bos_token):
                more["add_special_tokens"] = False
        return self._processor(images=images, text=[prompt] * len(images), padding=True, return_tensors="pt", **more)

    def texts(self, tokens: Tensor) -> list[str]:
        """What tokens, int [n, tokens], say without special ones; of each one line."""
        return [" ".join(text.split()) for text in self._tokenizer.batch_decode(tokens, skip_special_tokens=True)]

    def _conversation(self, instruction: str) -> str:
        """A picture and an instruction in the model's chat template, up to where the answer begins."""
        content = [{"type": "image"}, {"type": "text", "text": instruction}]
        prompt: str = ProcessorMixin.apply_chat_template(
            self._processor,
            [{"role": "user", "content": content}],
            chat_template=self._processor.chat_template or self._tokenizer.chat_template,
            add_generation_prompt=True,
        )
        return prompt


class _SmolVlmProcessor(Idefics3Processor):
    """SmolVLM's, which prepares pictures as Idefics 3's does, and can't be imported without torchvision."""

    image_processor_class = "SmolVLMImageProcessor"


def _processor_class(folder: Path) -> Any:
    """The class of a model's processor, as AutoProcessor chooses it."""
    for file in _NAMING_PROCESSOR:
        if (folder / file).is_file() and (name := json.loads((folder / file).read_bytes()).get("processor_class")):
            return _SmolVlmProcessor if name == "SmolVLMProcessor" else processor_class_from_name(name)
    return PROCESSOR_MAPPING[type(AutoConfig.from_pretrained(folder, **FROM_FOLDER))]


def _without_films(processor_class: Any) -> Any:
    """The same class of processors, which prepare no films."""
    attributes = [name for name in processor_class.attributes if name != "video_processor"]
    if attributes == processor_class.attributes:
        return processor_class

    class WithoutFilms(processor_class):  # type: ignore[misc]
        @classmethod
        def _get_arguments_from_pretrained(cls, *arguments: Any, **options: Any) -> list[Any]:
            return [*super()._get_arguments_from_pretrained(*arguments, **options), None]

    WithoutFilms.attributes = attributes
    return WithoutFilms
