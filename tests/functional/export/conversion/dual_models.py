"""Small dual encoders of random weights, each saved as the real ones of its kind are, with a tokenizer of its kind."""

# transformers' configurations and tokenizers come without types.
# mypy: disable-error-code="no-untyped-call, operator, arg-type"

from __future__ import annotations

import gzip
import importlib.util
import io
import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE, Unigram
from transformers import (
    AlignConfig,
    AlignModel,
    AltCLIPConfig,
    AltCLIPModel,
    BertTokenizerFast,
    ChineseCLIPConfig,
    ChineseCLIPImageProcessor,
    ChineseCLIPModel,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizerFast,
    EfficientNetImageProcessor,
    GemmaTokenizerFast,
    PreTrainedModel,
    Siglip2Config,
    Siglip2ImageProcessor,
    Siglip2Model,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
    SiglipTokenizer,
    XLMRobertaTokenizerFast,
)

from export.evaluation.probes import PROBES, THINGS
from export.evaluation.retrieval import OFF_TOPIC_QUERIES
from tests.functional.export.training.tiny_models import word_tokenizer

SIDE, PATCH, WIDTH, DIMENSIONS = 64, 16, 64, 32
TEXTS = (*PROBES, *THINGS, *OFF_TOPIC_QUERIES.read_text(encoding="utf-8").splitlines())
_TOWER = {"hidden_size": WIDTH, "intermediate_size": 2 * WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2}
_VISION = {**_TOWER, "image_size": SIDE, "patch_size": PATCH}
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
NAFLEX = "siglip2-naflex"
TRANSFORMERS = ("clip", "sentence-transformers", "siglip", "siglip2", NAFLEX, "align", "altclip", "chinese_clip")


def save_dual_encoder(folder: Path, kind: str, *, seed: int = 0) -> Path:
    """Save one of a kind in TRANSFORMERS."""
    torch.manual_seed(seed)
    if kind == "sentence-transformers":
        save_dual_encoder(folder / "0_CLIPModel", "clip", seed=seed)
        module = {"idx": 0, "name": "0", "path": "0_CLIPModel", "type": "sentence_transformers.models.CLIPModel"}
        (folder / "modules.json").write_text(json.dumps([module]))
        return folder
    model = _MAKERS[kind](folder)
    _spread(model)
    model.save_pretrained(folder)
    return folder


def random_texts(count: int) -> list[str]:
    """Different ones, of the words of real ones."""
    random = np.random.default_rng(5)
    words = sorted({word for text in TEXTS for word in text.lower().split()})
    return [" ".join(random.choice(words, size=random.integers(1, 9))) for _ in range(count)]


def random_pictures(count: int) -> list[Image.Image]:
    """Different ones, of several shapes."""
    random = np.random.default_rng(4)
    pictures = [Image.fromarray(random.integers(0, 256, (8, 8, 3), dtype=np.uint8)) for _ in range(count)]
    return [picture.resize((64, 72 + number % 20)) for number, picture in enumerate(pictures)]


def _spread(model: PreTrainedModel) -> None:
    """Weights large enough for vectors to lie apart."""
    for name, weight in model.named_parameters():
        if weight.dim() >= 2 and "embedding" not in name:
            torch.nn.init.normal_(weight, std=1.2 / weight[0].numel() ** 0.5)
        elif weight.dim() >= 2:
            torch.nn.init.normal_(weight, std=0.5)


def _clip(folder: Path) -> PreTrainedModel:
    tokenizer = clip_tokenizer()
    tokenizer.save_pretrained(folder)
    _clip_processor().save_pretrained(folder)
    text = {**_TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": 77, "eos_token_id": 49407}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=_VISION, projection_dim=DIMENSIONS))


def _siglip(folder: Path) -> PreTrainedModel:
    model = sentencepiece_model()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spiece.model").write_bytes(model)
    tokenizer = SiglipTokenizer(str(folder / "spiece.model"), model_max_length=64, model_input_names=["input_ids"])
    tokenizer.save_pretrained(folder)
    _siglip_processor().save_pretrained(folder)
    text = {**_TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": 64}
    return _biased(SiglipModel(SiglipConfig(text_config=text, vision_config=_VISION)))


def _siglip_2(folder: Path) -> PreTrainedModel:
    """Of one resolution: a SigLIP with Gemma's tokenizer, as Google published them."""
    tokenizer = gemma_tokenizer()
    tokenizer.save_pretrained(folder)
    _siglip_processor().save_pretrained(folder)
    text = {**_TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": 64}
    return _biased(SiglipModel(SiglipConfig(text_config=text, vision_config=_VISION)))


def _naflex(folder: Path) -> PreTrainedModel:
    """Of pictures in their own shapes, at most 20 patches each, with a table of 4 x 4 places."""
    tokenizer = gemma_tokenizer()
    tokenizer.save_pretrained(folder)
    Siglip2ImageProcessor(patch_size=PATCH, max_num_patches=20).save_pretrained(folder)
    text = {**_TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": 64, "projection_size": WIDTH}
    vision = {**_TOWER, "num_patches": (SIDE // PATCH) ** 2, "patch_size": PATCH}
    return _biased(Siglip2Model(Siglip2Config(text_config=text, vision_config=vision)))


def _biased(model: PreTrainedModel) -> PreTrainedModel:
    with torch.no_grad():
        model.logit_scale.fill_(2.3)
        model.logit_bias.fill_(-9.0)
    return model


def _align(folder: Path) -> PreTrainedModel:
    size = _save_words(folder)
    EfficientNetImageProcessor(
        size={"height": 40, "width": 40},
        do_center_crop=True,
        crop_size={"height": 33, "width": 33},
        rescale_factor=1 / 127.5,
        rescale_offset=True,
        do_normalize=False,
        include_top=False,
        resample=2,
    ).save_pretrained(folder)
    vision = {"image_size": 33, "width_coefficient": 0.2, "depth_coefficient": 0.2, "hidden_dim": WIDTH}
    config = AlignConfig(
        text_config={**_TOWER, "vocab_size": size, "max_position_embeddings": 64},
        vision_config=vision,
        projection_dim=WIDTH,
    )
    return AlignModel(config)


def _altclip(folder: Path) -> PreTrainedModel:
    tokenizer = xlm_tokenizer()
    tokenizer.save_pretrained(folder)
    _clip_processor().save_pretrained(folder)
    text = {
        **_TOWER, "vocab_size": len(tokenizer), "max_position_embeddings": 80, "project_dim": WIDTH, "pad_token_id": 1,
    }  # fmt: skip
    return AltCLIPModel(AltCLIPConfig(text_config=text, vision_config=_VISION, projection_dim=DIMENSIONS))


def _chinese_clip(folder: Path) -> PreTrainedModel:
    size = _save_words(folder)
    ChineseCLIPImageProcessor(
        size={"height": SIDE, "width": SIDE}, do_center_crop=False, image_mean=MEAN, image_std=STD
    ).save_pretrained(folder)
    text = {**_TOWER, "vocab_size": size, "max_position_embeddings": 52}
    return ChineseCLIPModel(ChineseCLIPConfig(text_config=text, vision_config=_VISION, projection_dim=DIMENSIONS))


_MAKERS = {
    "clip": _clip,
    "siglip": _siglip,
    "siglip2": _siglip_2,
    NAFLEX: _naflex,
    "align": _align,
    "altclip": _altclip,
    "chinese_clip": _chinese_clip,
}


def _clip_processor() -> CLIPImageProcessor:
    return CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})


def _siglip_processor() -> SiglipImageProcessor:
    half = [0.5, 0.5, 0.5]
    return SiglipImageProcessor(size={"height": SIDE, "width": SIDE}, image_mean=half, image_std=half, resample=3)


def _save_words(folder: Path) -> int:
    tokenizer = BertTokenizerFast(tokenizer_object=word_tokenizer(), model_max_length=52)
    tokenizer.save_pretrained(folder)
    return len(tokenizer)


@cache
def clip_tokenizer() -> CLIPTokenizerFast:
    """CLIP's own, of the vocabulary that open_clip's wheel carries."""
    spec = importlib.util.find_spec("open_clip")
    assert spec is not None
    assert spec.origin is not None
    lines = gzip.decompress((Path(spec.origin).parent / "bpe_simple_vocab_16e6.txt.gz").read_bytes()).decode()
    merges = [tuple(line.split()) for line in lines.split("\n")[1 : 49152 - 256 - 2 + 1]]
    letters = list(pre_tokenizers.ByteLevel.alphabet())
    order = [*map(chr, range(33, 127)), *map(chr, range(161, 173)), *map(chr, range(174, 256))]
    letters = [*order, *sorted(set(letters) - set(order))]
    pieces = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(merge) for merge in merges)]
    vocabulary = {piece: number for number, piece in enumerate([*pieces, "<|startoftext|>", "<|endoftext|>"])}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "vocab.json").write_text(json.dumps(vocabulary))
        written = "\n".join(["#version: 0.2", *map(" ".join, merges)])
        (Path(folder) / "merges.txt").write_text(written, encoding="utf-8")
        return CLIPTokenizerFast(f"{folder}/vocab.json", f"{folder}/merges.txt", model_max_length=77)


@cache
def sentencepiece_model() -> bytes:
    """A unigram model trained on the texts, with SigLIP's special pieces."""
    import sentencepiece

    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([text.lower() for text in TEXTS]),
        model_writer=written,
        vocab_size=400,
        unk_id=2, eos_id=1, pad_id=0, bos_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )  # fmt: skip
    return written.getvalue()


@cache
def gemma_tokenizer() -> GemmaTokenizerFast:
    """Pairs of characters with a space's mark, as Gemma's; it pads on the right."""
    tokenizer = Tokenizer(BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Replace(" ", "\u2581")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Replace("\u2581", " ")
    special = ["<pad>", "<eos>", "<bos>", "<unk>"]
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=600, special_tokens=special))
    tokenizer.post_processor = processors.TemplateProcessing(single=["$A", "<eos>"], special_tokens=[("<eos>", 1)])
    return GemmaTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=64,
        padding_side="right",
        add_bos_token=False,
        add_eos_token=True,
        model_input_names=["input_ids"],  # as the published ones have it: SigLIP reads the padding
    )


@cache
def xlm_tokenizer() -> XLMRobertaTokenizerFast:
    """Unigram with XLM-R's special pieces, whose padding has the number 1."""
    tokenizer = Tokenizer(Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(
        TEXTS, trainers.UnigramTrainer(vocab_size=400, special_tokens=special, unk_token="<unk>", show_progress=False)
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=["<s>", "$A", "</s>"], special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return XLMRobertaTokenizerFast(tokenizer_object=tokenizer, model_max_length=77)


def save_open_clip(folder: Path, kind: str) -> Path:
    """A model of OpenCLIP as its push_to_hf_hub leaves it: CLIP's own kind, or SigLIP's with a vision of timm."""
    import open_clip
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    vision: dict[str, object] = {"image_size": SIDE, "layers": 2, "width": WIDTH, "patch_size": PATCH, "head_width": 32}
    text: dict[str, object] = {"context_length": 77, "vocab_size": 49408, "width": WIDTH, "heads": 2, "layers": 2}
    settings: dict[str, object] = {"embed_dim": DIMENSIONS, "vision_cfg": vision, "text_cfg": text}
    preprocess = {"mean": MEAN, "std": STD, "size": [SIDE, SIDE], "interpolation": "bicubic", "resize_mode": "shortest"}
    if kind == "open_clip-siglip":
        gemma_tokenizer().save_pretrained(folder)
        text |= {
            "context_length": 64, "vocab_size": len(gemma_tokenizer()), "hf_tokenizer_name": "local",
            "no_causal_mask": True, "proj_bias": True, "pool_type": "last",
        }  # fmt: skip
        settings |= {"init_logit_bias": -10, "custom_text": True}
        preprocess |= {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": settings, "preprocess_cfg": preprocess}))
    model = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    _spread(model)
    save_file(
        {name: each.contiguous() for name, each in model.state_dict().items()}, folder / "open_clip_model.safetensors"
    )
    return folder
