"""Tiny captioners of random weights, of each kind, saved with the tokenizer and the processor that real ones have."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForImageTextToText,
    BartTokenizerFast,
    BertTokenizerFast,
    Blip2Config,
    Blip2Processor,
    BlipConfig,
    BlipImageProcessor,
    BlipProcessor,
    CLIPImageProcessor,
    Florence2Config,
    Florence2Processor,
    GemmaTokenizerFast,
    GitConfig,
    GitProcessor,
    GPT2Config,
    GPT2TokenizerFast,
    Idefics3Config,
    Idefics3ImageProcessor,
    Idefics3Processor,
    InstructBlipConfig,
    InstructBlipProcessor,
    LlamaTokenizerFast,
    LlavaConfig,
    LlavaProcessor,
    PaliGemmaConfig,
    PaliGemmaProcessor,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2TokenizerFast,
    Qwen2VLConfig,
    Qwen2VLImageProcessor,
    SiglipImageProcessor,
    SmolVLMConfig,
    SmolVLMImageProcessor,
    VisionEncoderDecoderConfig,
    ViTConfig,
    ViTImageProcessor,
)

from export.evaluation.probes import PROBES
from tests.functional.export.training.tiny_models import word_tokenizer

IMAGE_SIZE, PATCH_SIZE = 64, 16
PATCHES = (IMAGE_SIZE // PATCH_SIZE) ** 2
SQUARE = {"height": IMAGE_SIZE, "width": IMAGE_SIZE}
QWEN_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% for content in message['content'] %}{% if content['type'] == 'image' %}"
    "<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ content['text'] }}{% endif %}{% endfor %}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SMOL_TEMPLATE = (
    "<|im_start|>{% for message in messages %}{{ message['role'] | capitalize }}"
    "{% if message['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for line in message['content'] %}{% if line['type'] == 'text' %}{{ line['text'] }}"
    "{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
LLAVA_TEMPLATE = (
    "{% for message in messages %}{{ message['role'].upper() + ': ' }}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'image') %}{{ '<image>\n' }}{% endfor %}"
    "{% for content in message['content'] | selectattr('type', 'equalto', 'text') %}{{ content['text'] + ' ' }}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
# Of weights with such names, so that what a picture shows can be told from the answers.
_SPREADS = {"projection": 1.0, "crossattention": 0.5, "encoder_attn": 0.5, "embed": 0.2}
_LAYERS = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
_VISION = {"image_size": IMAGE_SIZE, "patch_size": PATCH_SIZE, **_LAYERS}
_SMOL_SIZES = {"size": {"longest_edge": 2 * IMAGE_SIZE}, "max_image_size": {"longest_edge": IMAGE_SIZE}}
_DECODER = {**_LAYERS, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 2_048}


def save_captioner(folder: Path, kind: str) -> Path:
    """A captioner of a kind, with random weights that its captions depend on, as transformers saves it."""
    torch.manual_seed(0)
    model = AutoModelForImageTextToText.from_config(CAPTIONERS[kind](folder))
    for name, parameter in model.named_parameters():
        if parameter.dim() > 1:
            spread = next((spread for part, spread in _SPREADS.items() if part in name), 0.1)
            torch.nn.init.normal_(parameter, std=spread)
    model.save_pretrained(folder)
    return folder


def train_bpe(*special: str) -> Tokenizer:
    """Byte pairs of the probes, as GPT-2 has them."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=list(special), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(PROBES, trainer)
    return tokenizer


def _bert(folder: Path) -> BertTokenizerFast:
    """A WordPiece tokenizer as BERT's, through its file."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = word_tokenizer().get_vocab()
    (folder / "vocab.txt").write_text("\n".join(sorted(vocabulary, key=lambda piece: vocabulary[piece])))
    return BertTokenizerFast(vocab_file=str(folder / "vocab.txt"))  # type: ignore[no-untyped-call]


def _numbers(tokenizer: Any) -> dict[str, int]:
    return {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": tokenizer.bos_token_id if tokenizer.bos_token else tokenizer.cls_token_id,
        "eos_token_id": tokenizer.eos_token_id if tokenizer.eos_token else tokenizer.sep_token_id,
    }


def _vision_encoder_decoder(folder: Path) -> PretrainedConfig:
    tokenizer = GPT2TokenizerFast(tokenizer_object=train_bpe("<|endoftext|>"), pad_token="<|endoftext|>")
    tokenizer.save_pretrained(folder)
    ViTImageProcessor(size=SQUARE).save_pretrained(folder)
    vision = ViTConfig(**_VISION)
    text = GPT2Config(n_embd=32, n_layer=2, n_head=2, n_positions=128, add_cross_attention=True, **_numbers(tokenizer))
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(vision, text)
    config.decoder_start_token_id = config.pad_token_id = config.eos_token_id = tokenizer.eos_token_id
    return config


def _blip(folder: Path) -> PretrainedConfig:
    tokenizer = _bert(folder)
    BlipProcessor(BlipImageProcessor(size=SQUARE), tokenizer).save_pretrained(folder)
    text = {**_LAYERS, "encoder_hidden_size": 32, "max_position_embeddings": 128, **_numbers(tokenizer)}
    return BlipConfig(text_config=text | {"sep_token_id": tokenizer.sep_token_id}, vision_config=_VISION)


def _git(folder: Path) -> PretrainedConfig:
    tokenizer = _bert(folder)
    image_processor = CLIPImageProcessor(size={"shortest_edge": IMAGE_SIZE}, crop_size=SQUARE)
    GitProcessor(image_processor, tokenizer).save_pretrained(folder)
    return GitConfig(vision_config=_VISION, max_position_embeddings=256, **_LAYERS, **_numbers(tokenizer))


def _blip_2(folder: Path) -> PretrainedConfig:
    tokenizer = _opt()
    Blip2Processor(BlipImageProcessor(size=SQUARE), tokenizer, num_query_tokens=4).save_pretrained(folder)
    return Blip2Config(**_query_former(tokenizer))


def _instruct_blip(folder: Path) -> PretrainedConfig:
    tokenizer, asked = _opt(), _bert(folder)
    processor = InstructBlipProcessor(BlipImageProcessor(size=SQUARE), tokenizer, asked, num_query_tokens=4)
    processor.save_pretrained(folder)
    parts = _query_former(tokenizer)
    parts["qformer_config"]["vocab_size"] = len(asked)
    return InstructBlipConfig(**parts)


def _opt() -> PreTrainedTokenizerFast:
    return GPT2TokenizerFast(
        tokenizer_object=train_bpe("<s>", "<pad>", "</s>"), bos_token="</s>", eos_token="</s>", pad_token="<pad>"
    )


def _query_former(tokenizer: Any) -> dict[str, Any]:
    numbers = _numbers(tokenizer)  # the processor has added the token for a picture
    text = {
        "model_type": "opt", "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "ffn_dim": 64,
        "word_embed_proj_dim": 32, "max_position_embeddings": 256, **numbers,
    }  # fmt: skip
    return {
        "vision_config": _VISION,
        "qformer_config": {**_LAYERS, "encoder_hidden_size": 32},
        "text_config": text,
        "num_query_tokens": 4,
        "image_token_index": tokenizer.convert_tokens_to_ids("<image>"),
    }


def _florence2(folder: Path) -> PretrainedConfig:
    tokenizer = BartTokenizerFast(
        tokenizer_object=train_bpe("<s>", "<pad>", "</s>", "<unk>", "<mask>", "<image>"),
        extra_special_tokens={"image_token": "<image>"},
    )
    image_processor = CLIPImageProcessor(size=SQUARE, do_center_crop=False, crop_size=SQUARE)
    image_processor.image_seq_length = 5  # what the tower below makes of a picture: 2 by 2, and their mean
    Florence2Processor(image_processor, tokenizer).save_pretrained(folder)
    text = {
        "model_type": "bart", "d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "encoder_attention_heads": 2,
        "decoder_attention_heads": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "max_position_embeddings": 256,
        "decoder_start_token_id": tokenizer.eos_token_id, "forced_eos_token_id": None, **_numbers(tokenizer),
    }  # fmt: skip
    vision = {
        "embed_dim": (8, 16, 16, 32), "depths": (1, 1, 1, 1), "num_heads": (1, 1, 1, 2), "num_groups": (1, 1, 1, 2),
        "window_size": 2, "projection_dim": 32,
    }  # fmt: skip
    return Florence2Config(text_config=text, vision_config=vision, image_token_id=tokenizer.image_token_id)


def _paligemma(folder: Path) -> PretrainedConfig:
    tokenizer = GemmaTokenizerFast(tokenizer_object=train_bpe("<pad>", "<eos>", "<bos>", "<unk>"))
    image_processor = SiglipImageProcessor(size=SQUARE)
    image_processor.image_seq_length = PATCHES
    PaliGemmaProcessor(image_processor, tokenizer).save_pretrained(folder)
    return PaliGemmaConfig(
        text_config={"model_type": "gemma", **_DECODER, **_numbers(tokenizer)},
        vision_config={"model_type": "siglip_vision_model", "vision_use_head": False, **_VISION},
        projection_dim=32,
        hidden_size=32,
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )


def _llava(folder: Path) -> PretrainedConfig:
    tokenizer = LlamaTokenizerFast(
        tokenizer_object=train_bpe("<unk>", "<s>", "</s>", "<image>", "<pad>"), pad_token="<pad>"
    )
    image_processor = CLIPImageProcessor(size={"shortest_edge": IMAGE_SIZE}, crop_size=SQUARE)
    LlavaProcessor(
        image_processor,
        tokenizer,
        patch_size=PATCH_SIZE,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=LLAVA_TEMPLATE,
    ).save_pretrained(folder)
    return LlavaConfig(
        text_config={"model_type": "llama", **_DECODER, **_numbers(tokenizer)},
        vision_config={"model_type": "clip_vision_model", "projection_dim": 32, **_VISION},
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )


def _idefics3(folder: Path) -> PretrainedConfig:
    tokenizer = _smol()
    image_processor = Idefics3ImageProcessor(size={"longest_edge": 128}, max_image_size={"longest_edge": IMAGE_SIZE})
    Idefics3Processor(
        image_processor, tokenizer, image_seq_len=PATCHES // 4, chat_template=SMOL_TEMPLATE
    ).save_pretrained(folder)
    return Idefics3Config(**_smol_parts(tokenizer))


def _smolvlm(folder: Path) -> PretrainedConfig:
    """What its processor saves: with torchvision alone it could be made here."""
    tokenizer = _smol()
    tokenizer.save_pretrained(folder)
    SmolVLMImageProcessor(size={"longest_edge": 128}, max_image_size={"longest_edge": IMAGE_SIZE}).save_pretrained(
        folder
    )
    (folder / "processor_config.json").write_text(
        json.dumps({"image_seq_len": PATCHES // 4, "processor_class": "SmolVLMProcessor"})
    )
    (folder / "chat_template.jinja").write_text(SMOL_TEMPLATE)
    return SmolVLMConfig(**_smol_parts(tokenizer))


def _smol() -> PreTrainedTokenizerFast:
    rows = [f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4)]
    special = (
        "<|im_start|>",
        "<|im_end|>",
        "<end_of_utterance>",
        "<fake_token_around_image>",
        "<image>",
        "<global-img>",
    )
    return GPT2TokenizerFast(
        tokenizer_object=train_bpe(*special, *rows),
        bos_token="<|im_start|>",
        eos_token="<end_of_utterance>",
        pad_token="<|im_end|>",
        unk_token="<|im_end|>",
    )


def _smol_parts(tokenizer: Any) -> dict[str, Any]:
    return {
        "text_config": {"model_type": "llama", **_DECODER, **_numbers(tokenizer)},
        "vision_config": dict(_VISION),
        "image_token_id": tokenizer.convert_tokens_to_ids("<image>"),
        "pad_token_id": tokenizer.pad_token_id,
        "scale_factor": 2,
    }


def _qwen2_vl(folder: Path) -> PretrainedConfig:
    vision = {"depth": 2, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2, "patch_size": 14}
    return Qwen2VLConfig(**_qwen(folder, "Qwen2VLProcessor"), vision_config=vision)


def _qwen2_5_vl(folder: Path) -> PretrainedConfig:
    vision = {"depth": 2, "hidden_size": 32, "out_hidden_size": 32, "num_heads": 2, "intermediate_size": 64}
    return Qwen2_5_VLConfig(
        **_qwen(folder, "Qwen2_5_VLProcessor"),
        vision_config={**vision, "patch_size": 14, "window_size": 56, "fullatt_block_indexes": [1]},
    )


def _qwen(folder: Path, processor: str) -> dict[str, Any]:
    """What its processor saves: with torchvision alone it could be made here."""
    special = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>")
    tokenizer = Qwen2TokenizerFast(
        tokenizer_object=train_bpe(*special, "<|video_pad|>"), eos_token="<|im_end|>", pad_token="<|endoftext|>"
    )
    tokenizer.save_pretrained(folder)
    image_processor = Qwen2VLImageProcessor(min_pixels=56 * 56, max_pixels=140 * 140)
    image_processor._set_processor_class(processor)
    image_processor.save_pretrained(folder)
    (folder / "chat_template.json").write_text(json.dumps({"chat_template": QWEN_TEMPLATE}))
    number = tokenizer.convert_tokens_to_ids
    text = {
        **_DECODER, "vocab_size": len(tokenizer), "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
        "bos_token_id": number("<|endoftext|>"), "eos_token_id": tokenizer.eos_token_id,
    }  # fmt: skip
    return {
        "text_config": text,
        "image_token_id": number("<|image_pad|>"),
        "video_token_id": number("<|video_pad|>"),
        "vision_start_token_id": number("<|vision_start|>"),
        "vision_end_token_id": number("<|vision_end|>"),
    }


CAPTIONERS: dict[str, Callable[[Path], PretrainedConfig]] = {
    "vision-encoder-decoder": _vision_encoder_decoder,
    "blip": _blip,
    "git": _git,
    "blip-2": _blip_2,
    "florence2": _florence2,
    "paligemma": _paligemma,
    "instructblip": _instruct_blip,
    "llava": _llava,
    "idefics3": _idefics3,
    "smolvlm": _smolvlm,
    "qwen2_vl": _qwen2_vl,
    "qwen2_5_vl": _qwen2_5_vl,
}
