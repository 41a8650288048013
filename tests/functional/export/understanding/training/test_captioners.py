"""Captioners of one's own of every kind: they say what transformers says, alone as in a batch, or why they can't."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer

from export.errors import ModelError, UnreadablePhotoError
from export.models.captioners import open_captioner
from export.understanding.captioner import Understanding
from export.understanding.engine import FailedPhoto, ReadingTask
from export.understanding.hub_models import torch_captioner
from export.understanding.hub_models.prompts import DESCRIBE, IN_A_SENTENCE, IN_DETAIL, PROMPTS
from export.understanding.hub_models.torch_captioner import TorchCaptioner
from export.understanding.photo_reader import PhotoModels, ReadPhoto, read_photos
from tests.functional.export.understanding.training.tiny_captioners import CAPTIONERS, save_captioner

TOKENS = 10
# Two of one shape and one of another, so that padding is seen; a tall one becomes other tokens than a wide one.
SHAPES = ((90, 120), (90, 120), (150, 70))
COLOURS = ((255, 255, 255), (255, 20, 0), (0, 0, 90))

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(autouse=True)
def _short_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_captioner, "MAX_NEW_TOKENS", TOKENS)


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    random = np.random.default_rng(0)
    return [
        Image.fromarray((random.random((*shape, 3)) * colour).astype(np.uint8))
        for shape, colour in zip(SHAPES, COLOURS, strict=True)
    ]


def loaded(folder: Path, *instructions: str) -> TorchCaptioner:
    source = open_captioner(str(folder))
    captioner = (source.asking(instructions) if instructions else source).load()
    assert isinstance(captioner, TorchCaptioner)
    return captioner


@pytest.mark.parametrize("kind", CAPTIONERS)
def test_a_captioner_says_what_transformers_says_alone_and_in_a_batch(
    kind: str, pictures: Sequence[Image.Image], tmp_path: Path
) -> None:
    folder = save_captioner(tmp_path, kind)
    source = open_captioner(str(folder))
    assert (source.instructions, source.image_encoder, source.alone) == (
        tuple(PROMPTS.get(kind, (IN_A_SENTENCE,))),
        None,
        True,
    )
    expected = [
        Understanding(
            captions=tuple(said_by_transformers(folder, kind, each, picture) for each in source.instructions), view=None
        )
        for picture in pictures
    ]
    captioner = loaded(folder)
    assert captioner.understand(pictures) == expected
    assert captioner.understand(pictures[2:]) == expected[2:]
    assert captioner.understand([]) == []
    assert len({understanding.captions for understanding in expected}) > 1  # it looks at them


def said_by_transformers(folder: Path, kind: str, instruction: str, picture: Image.Image) -> str:
    """What its documentation has one do with a model of that kind."""
    model: Any = AutoModelForImageTextToText.from_pretrained(folder).eval()
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)  # type: ignore[no-untyped-call]
    inputs = read_by_transformers(folder, kind, instruction, picture)
    with torch.inference_mode():
        (tokens,) = model.generate(
            **inputs, num_beams=3 if kind in PROMPTS else 1, do_sample=False, max_new_tokens=TOKENS
        )
    answers_only = kind == "florence2" or "input_ids" not in inputs
    answer = tokens if answers_only else tokens[inputs["input_ids"].shape[1] :]
    return " ".join(tokenizer.decode(answer, skip_special_tokens=True).replace("<image>", "").split())


def read_by_transformers(folder: Path, kind: str, instruction: str, picture: Image.Image) -> Any:
    if kind in ("qwen2_vl", "qwen2_5_vl", "smolvlm"):
        return read_by_hand(folder, instruction, picture)  # AutoProcessor needs torchvision for them
    if kind == "vision-encoder-decoder":
        return AutoImageProcessor.from_pretrained(folder)(picture, return_tensors="pt")  # type: ignore[no-untyped-call]
    processor: Any = AutoProcessor.from_pretrained(folder)  # type: ignore[no-untyped-call]
    if kind in ("llava", "idefics3"):
        content = [{"type": "image", "image": picture}, {"type": "text", "text": instruction}]
        return processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )
    told = {
        "florence2": {DESCRIBE: "<CAPTION>", IN_DETAIL: "<DETAILED_CAPTION>"},
        "paligemma": {DESCRIBE: "<image>caption en", IN_DETAIL: "<image>describe en"},
        "instructblip": {instruction: instruction},
    }
    text = {"text": told[kind][instruction]} if kind in told else {}
    return processor(images=picture, **text, return_tensors="pt")


def read_by_hand(folder: Path, instruction: str, picture: Image.Image) -> dict[str, torch.Tensor]:
    image_processor: Any = AutoImageProcessor.from_pretrained(folder)  # type: ignore[no-untyped-call]
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)  # type: ignore[no-untyped-call]
    if "Qwen" in type(image_processor).__name__:
        seen = image_processor(images=[picture], return_tensors="pt")
        pads = "<|image_pad|>" * (int(seen["image_grid_thw"].prod()) // 4)
        prompt = (
            "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
            f"<|vision_start|>{pads}<|vision_end|>{instruction}<|im_end|>\n<|im_start|>assistant\n"
        )
    else:
        seen = image_processor(images=[[picture]], return_tensors="pt", return_row_col_info=True)
        ((rows,),), ((columns,),) = seen.pop("rows"), seen.pop("cols")
        tile = "<image>" * 4
        tiles = "".join(
            "".join(f"<fake_token_around_image><row_{row + 1}_col_{column + 1}>{tile}" for column in range(columns))
            + "\n"
            for row in range(rows)
        )
        whole = f"\n<fake_token_around_image><global-img>{tile}<fake_token_around_image>"
        prompt = f"<|im_start|>User:{tiles}{whole}{instruction}<end_of_utterance>\nAssistant:"
    return {**seen, **tokenizer(prompt, add_special_tokens=False, return_tensors="pt")}


def test_whoever_converses_is_asked_anything(pictures: Sequence[Image.Image], tmp_path: Path) -> None:
    folder = save_captioner(tmp_path, "llava")
    asked = "Which season is it?"
    assert open_captioner(str(folder)).known_instructions is None
    said = said_by_transformers(folder, "llava", asked, pictures[0])
    captioner = loaded(folder, asked, IN_A_SENTENCE)
    (understanding,) = captioner.understand(pictures[:1])
    assert understanding.captions == (said, said_by_transformers(folder, "llava", IN_A_SENTENCE, pictures[0]))
    assert said != understanding.captions[1]


def test_a_beam_has_as_many_hypotheses_as_are_asked_for(pictures: Sequence[Image.Image], tmp_path: Path) -> None:
    captioner = loaded(save_captioner(tmp_path, "florence2"))
    hypotheses = captioner.hypotheses(pictures, beams=4)
    assert [len(texts) for texts in hypotheses] == [8, 8, 8]  # of two instructions
    assert all(
        understanding.captions[0] in texts[:4] and understanding.captions[1] in texts[4:]
        for understanding, texts in zip(
            captioner.understand(pictures), captioner.hypotheses(pictures, beams=3), strict=True
        )
        if len(texts) == 8
    )


def test_a_photo_that_a_model_fails_at_costs_no_other_its_caption(tmp_path: Path) -> None:
    folder = save_captioner(tmp_path / "model", "qwen2_vl")
    photos = {"a.png": (60, 80), "slender.png": (3, 900), "b.png": (64, 64)}
    for name, shape in photos.items():
        Image.new("RGB", shape[::-1], "green").save(tmp_path / name)
    tasks = [
        ReadingTask(
            id=name,
            path=tmp_path / name,
            content=name,
            size_bytes=0,
            stamp=0,
            caption=True,
            data=(tmp_path / name).read_bytes(),
        )
        for name in photos
    ]
    captioner = loaded(folder)
    with pytest.raises(UnreadablePhotoError, match="the captioner failed at it: ValueError: absolute aspect ratio"):
        captioner.understand([Image.new("RGB", (900, 3))])
    outcomes = {
        outcome.id: outcome
        for outcome in read_photos(tasks, PhotoModels(captioner=captioner, image_encoder=None), None)
    }  # type: ignore[arg-type]
    failed = outcomes.pop("slender.png")
    assert isinstance(failed, FailedPhoto)
    assert failed.reason.startswith("the captioner failed at it: ValueError: absolute aspect ratio must be smaller")
    assert not failed.broken  # another captioner may do better
    for outcome in outcomes.values():
        assert isinstance(outcome, ReadPhoto)
        assert outcome.understanding is not None
        assert outcome.understanding.captions[0]


def test_a_text_model_with_a_chat_template_is_refused(tmp_path: Path) -> None:
    tokenizer_config = {"chat_template": "{{ messages }}"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2"}))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    with pytest.raises(ModelError, match=r"'qwen2'; supported as captioners: blip, blip-2, git"):
        open_captioner(str(tmp_path))


def test_weights_that_are_broken_or_lacking_are_refused(tmp_path: Path) -> None:
    folder = save_captioner(tmp_path / "model", "blip")
    weights = load_file(folder / "model.safetensors")
    lacking = {name: weight for name, weight in weights.items() if "vision_model.encoder.layers.1." not in name}
    save_file(lacking, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ModelError, match=r"lacks \d+ of the weights of a blip, among them vision_model\.encoder\.layers\.1"
    ):
        loaded(folder)
    (folder / "model.safetensors").write_bytes(b"\x08")
    with pytest.raises(ModelError, match=r"model can't be used as blip: "):
        loaded(folder)


def test_a_template_without_a_place_for_the_photo_is_refused_before_the_first_one(tmp_path: Path) -> None:
    folder = save_captioner(tmp_path, "llava")
    (folder / "chat_template.jinja").write_text("{% for message in messages %}{{ message['role'] }}{% endfor %}")
    with pytest.raises(ModelError, match="can't be used as llava: "):
        loaded(folder)


def test_a_model_without_its_tokenizer_is_refused(tmp_path: Path) -> None:
    folder = save_captioner(tmp_path, "blip")
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).unlink()
    with pytest.raises(ModelError, match="can't be used as blip: "):
        loaded(folder)
