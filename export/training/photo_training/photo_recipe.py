"""Training the photo model: the visual view first, then the decoder that reads the finished backbone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import torch

from export.training.data.augmentation import load_pixels
from export.training.data.caption_text import train_tokenizer
from export.training.data.corpus import read_labelled, read_paraphrases, read_split, read_synsets
from export.training.data.detected_names import read_detected
from export.training.data.names import read_class_names
from export.training.data.tasks import read_lexicon
from export.training.photo_model.backbone import pretrained_backbone
from export.training.photo_model.photo_model import PhotoModel, PhotoModelShape
from export.training.photo_model.unpacking import TrainedCaptioner
from export.training.photo_training.decoder_training import train_decoder
from export.training.photo_training.name_targets import make_name_targets
from export.training.photo_training.photo_data import KEPT_SIZE, load_photos, with_captions
from export.training.photo_training.teaching import DecoderRecipe, WordTeacher
from export.training.photo_training.visual_training import VisualRecipe, train_visual_view
from export.training.text_encoder.sentence_model import EmbedTexts
from export.understanding.naming import names_as_caption


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoRecipe:
    """What the default photo model was trained with.

    Attributes:
        told_share: As ``make_name_targets`` takes it.
        fewest_photos: A name is told from the view, and to the decoder, where so many training photos have it.
    """

    shape: PhotoModelShape = field(default_factory=PhotoModelShape)
    visual: VisualRecipe = field(default_factory=VisualRecipe)
    decoder: DecoderRecipe = field(default_factory=DecoderRecipe)
    told_share: float = 0.6
    fewest_photos: int = 10
    seed: int = 20_261_122


def train_photo_model(
    data: Path, work: Path, recipe: PhotoRecipe, vectors_of: EmbedTexts, teacher: WordTeacher | None = None
) -> TrainedCaptioner:
    """Train the photo model, or go on with a run that was interrupted.

    Args:
        data: The corpus, laid out as corpus.py says.
        work: One folder a run goes below it.
        recipe: Seeds and sizes.
        vectors_of: The text encoder in whose space the visual view is to lie.
        teacher: A captioner whose next words the decoder learns too, and whose vocabulary it gets.

    Returns:
        The model with averaged weights, the decoder's tokenizer, and the names that it tells.
    """
    lists = read_paraphrases(data)
    texts = [caption for captions in lists for caption in captions]
    labelled = read_labelled(data, "train")
    told = [names_as_caption(photo.names) for photo in labelled]
    tokenizer = teacher.tokenizer if teacher else train_tokenizer([*texts, *told], recipe.shape.vocabulary_size)
    lexicon = read_lexicon(read_synsets(data), texts)
    captioned = read_split(data, "train")
    photos = [*captioned, *labelled, *read_detected(data)]
    pixels = load_pixels([photo.path for photo in photos], KEPT_SIZE)
    classes = read_class_names(data)
    names = make_name_targets(
        photos, pixels, lexicon, classes, pretrained_backbone(), vectors_of, told_share=recipe.told_share
    )
    told_names = names.often(recipe.fewest_photos)
    torch.manual_seed(recipe.seed)
    model = PhotoModel(dataclasses.replace(recipe.shape, names=len(told_names.names)))
    model.names.copy_(told_names.vectors)
    model.backbone.load_pretrained(pretrained_backbone())
    model.backbone.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    training = with_captions(photos, pixels, vectors_of, names)
    train_visual_view(model, training, load_photos(read_split(data, "dev"), vectors_of), work, recipe.visual)
    named = [dataclasses.replace(photo, captions=(caption,)) for photo, caption in zip(labelled, told, strict=True)]
    described = with_captions([*captioned, *named], pixels[: len(captioned) + len(named)], vectors_of)
    train_decoder(model, tokenizer, lists, described, lexicon, work, recipe.decoder, vectors_of, teacher)
    return TrainedCaptioner(model=model.eval(), tokenizer=tokenizer, names=told_names.names)
