"""What ``thinlens models distil`` and ``quantise`` do: each reads its arguments, trains, and writes a folder."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.errors import ModelError
from export.models.dual_encoders import is_dual_encoder, open_dual_encoder
from export.models.encoders import encoder_space, open_encoder
from export.models.hub import content_identity, model_folder
from export.models.model_set import MODELS
from handler.bundle.encoder_files import identify_encoder

if TYPE_CHECKING:
    from export.conversion.scheme_choice import SchemeChoice
    from export.training.text_encoder.encoder_distillation import DistillationRecipe, Teacher

_SALT = "teacher"


def _report(choice: SchemeChoice, folder: Path) -> None:
    print(f"{'bits':<16}      MB  neighbours      ms   on {choice.texts:,} texts")
    for item in choice.measured:
        numbers = f"{item.size_bytes / 1e6:7.2f} {item.neighbours:11.1%} {item.took_ms:7.2f}"
        mark = "  <- taken" if item.scheme == choice.chosen else ""
        print(f"{item.scheme:<16} {item.refused or numbers}{mark}")
    print(f"wrote {folder}")


def quantise(arguments: argparse.Namespace) -> None:
    """``thinlens models quantise``."""
    from export.conversion.scheme_choice import choose_scheme, read_texts
    from export.conversion.sentence_encoder import export_sentence_encoder

    texts = read_texts(arguments.texts)
    name = Path(arguments.model).name
    encoder = export_sentence_encoder(model_folder(arguments.model), name=name)
    _report(choose_scheme(encoder, texts, arguments.to, least_neighbours=arguments.least_neighbours), arguments.to)


def distil_encoder(arguments: argparse.Namespace) -> None:
    """``thinlens models distil encoder``."""
    import torch

    from export.conversion.scheme_choice import choose_scheme, read_texts
    from export.disk.model_files import copy_image_tower, refuse_foreign_dual_encoder
    from export.training.data.corpus import read_general_text, read_paraphrases
    from export.training.photo_model.packing import float_encoder
    from export.training.text_encoder.encoder_distillation import distil_encoder, find_start

    refuse_foreign_dual_encoder(arguments.to)
    torch.set_num_threads(os.cpu_count() or 1)
    if arguments.texts:
        texts = read_texts(arguments.texts)
    else:
        captions = [caption for captions in read_paraphrases(arguments.data) for caption in captions]
        texts = list(dict.fromkeys(captions + read_general_text(arguments.data)))
    lesson = _of_dual_encoder(arguments) or _of_sentence_encoder(arguments)
    distilled = distil_encoder(lesson.teacher, *find_start(lesson.start), texts, arguments.work, lesson.recipe)
    print(f"cosine to the teacher on {len(distilled.held_out):,} texts that it didn't learn: {distilled.cosine:.3f}")
    encoder = float_encoder(distilled.student, distilled.tokenizer, name=arguments.to.name, space=lesson.space)
    measured_on = [*distilled.held_out, *texts][: max(100, len(distilled.held_out))]
    choice = choose_scheme(encoder, measured_on, arguments.to, least_neighbours=arguments.least_neighbours)
    if lesson.towers:
        copy_image_tower(lesson.towers, arguments.to)
    _report(choice, arguments.to)


@dataclass(frozen=True, slots=True, kw_only=True)
class _EncoderLesson:
    """A teacher of texts, and how its student is made.

    Attributes:
        teacher: Whose vectors are learnt.
        start: The folder of a BERT that the student starts from, if it is one.
        recipe: Seeds and sizes.
        towers: Of a dual encoder, the folder of both towers as they serve and index; the student shares its space.
    """

    teacher: Teacher
    start: Path
    recipe: DistillationRecipe
    towers: Path | None = None

    @property
    def space(self) -> str | None:
        """Its identity; None where the student has a space of its own."""
        return None if self.towers is None else encoder_space(self.towers)


def _of_sentence_encoder(arguments: argparse.Namespace) -> _EncoderLesson:
    from export.conversion.sentence_encoder import load_sentence_encoder
    from export.training.text_encoder.encoder_distillation import DistillationRecipe, Teacher

    folder = model_folder(arguments.teacher)
    if arguments.photos:
        raise ModelError(
            f"{arguments.teacher} reads texts alone, and finds no photos; leave out --photos, or name a dual encoder"
        )
    model = load_sentence_encoder(folder)

    def vectors_of(texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = model.encode(list(texts), convert_to_numpy=True, normalize_embeddings=True)
        return np.asarray(vectors, np.float32)

    return _EncoderLesson(
        teacher=Teacher(vectors_of=vectors_of, identity=content_identity(folder, _SALT)),
        start=folder,
        recipe=_sized(DistillationRecipe(), arguments),
    )


def _of_dual_encoder(arguments: argparse.Namespace) -> _EncoderLesson | None:
    """A dual encoder's text tower as the teacher; None where the teacher is none."""
    from export.training.photo_training.taught_photos import teach_photos
    from export.training.text_encoder.encoder_distillation import DUAL_STUDENT, FoundPhotos, Teacher
    from export.training.text_encoder.sentence_model import default_teacher

    if not is_dual_encoder(arguments.teacher):
        return None
    dual, towers = open_dual_encoder(arguments.teacher), open_encoder(arguments.teacher, arguments.work)
    space = encoder_space(towers)
    photos = None
    if arguments.photos:
        taught = teach_photos(dual, space, arguments.photos, arguments.work)
        photos = FoundPhotos(vectors=taught.vectors, scale=dual.logit_scale)
        print(f"learning what it finds among {len(taught.paths):,} photos")
    return _EncoderLesson(
        teacher=Teacher(vectors_of=dual.embed_texts, identity=space, shares_space=True, photos=photos),
        start=default_teacher(),
        recipe=_sized(DUAL_STUDENT, arguments),
        towers=towers,
    )


def _sized(recipe: DistillationRecipe, arguments: argparse.Namespace) -> DistillationRecipe:
    """The recipe with the sizes that were asked for."""
    return dataclasses.replace(
        recipe,
        layers=arguments.layers,
        steps=arguments.steps,
        feed_forward=arguments.feed_forward or recipe.feed_forward,
        vocabulary_size=arguments.vocabulary or recipe.vocabulary_size,
    )


def distil_view(arguments: argparse.Namespace) -> None:
    """``thinlens models distil view``."""
    import torch

    from export.disk.model_files import copy_encoder, refuse_foreign_dual_encoder
    from export.training.photo_model.packing import IMAGE_SIZE, write_view
    from export.training.photo_model.unpacking import read_captioner
    from export.training.photo_training.taught_photos import teach_photos
    from export.training.photo_training.view_distillation import ViewDistillationRecipe, distil_view

    refuse_foreign_dual_encoder(arguments.to)
    torch.set_num_threads(os.cpu_count() or 1)
    dual, towers = open_dual_encoder(arguments.teacher), open_encoder(arguments.teacher, arguments.work)
    space = encoder_space(towers)
    encoder = arguments.encoder or towers
    if (found := encoder_space(encoder)) != space:
        raise ModelError(
            f"models don't belong together: {encoder} gives the vectors of {found}, expected those of {space}, which "
            f"is {arguments.teacher}; leave out --encoder, or distil one with 'thinlens models distil encoder'"
        )
    taught = teach_photos(dual, space, arguments.photos, arguments.work)
    recipe = dataclasses.replace(ViewDistillationRecipe(), whole_steps=arguments.steps)
    start = read_captioner(MODELS / "captioner").model
    distilled = distil_view(taught.pixels(IMAGE_SIZE), taught.vectors, start, arguments.work, recipe)
    print(f"cosine to the teacher on photos that it didn't learn: {distilled.cosine:.3f}")
    copy_encoder(encoder, arguments.to)
    write_view(distilled.model, arguments.to, space=space, image_size=IMAGE_SIZE)
    print(f"wrote {arguments.to}")


def distil_languages(arguments: argparse.Namespace) -> None:
    """``thinlens models distil languages``."""
    import torch

    from export.disk.model_files import refuse_foreign_encoder
    from export.training.photo_model.packing import write_languages
    from export.training.text_encoder.language_training import LanguageRecipe, LanguageTeacher, train_languages
    from export.training.text_encoder.packed_e5 import default_start, read_packed
    from handler.bundle.encoder import Encoder

    refuse_foreign_encoder(arguments.to)
    threads = os.cpu_count() or 1
    torch.set_num_threads(threads)
    encoder = Encoder.load(MODELS / "encoder", threads=threads)
    teacher = LanguageTeacher(vectors_of=encoder.encode, identity=encoder.identity)
    start = arguments.start or default_start()
    trained = train_languages(arguments.data, teacher, lambda: read_packed(start), arguments.work, LanguageRecipe())
    write_languages(trained, arguments.to, space=encoder.identity)
    print(f"wrote {arguments.to}")


def distil_captioner(arguments: argparse.Namespace) -> None:
    """``thinlens models distil captioner``."""
    import torch

    from export.disk.model_files import copy_encoder, refuse_foreign_models
    from export.training.evaluation.held_out import calibrate
    from export.training.photo_model.packing import write_captioner
    from export.training.photo_model.photo_model import PhotoModelShape
    from export.training.photo_training.captioner_distillation import open_word_teacher, write_teacher_corpus
    from export.training.photo_training.photo_recipe import PhotoRecipe, train_photo_model
    from handler.bundle.encoder import Encoder

    refuse_foreign_models(arguments.to)
    torch.set_num_threads(os.cpu_count() or 1)
    corpus = arguments.work / "corpus"
    teacher = open_word_teacher(arguments.teacher)
    count = write_teacher_corpus(arguments.teacher, arguments.photos, arguments.data, corpus)
    print(f"{count:,} photos captioned by {arguments.teacher}; training on them and those of {arguments.data}")
    shape = PhotoModelShape(layers=arguments.layers, width=arguments.width)
    if teacher:
        known = teacher.model.shape
        shape = dataclasses.replace(shape, vocabulary_size=known.vocabulary_size, max_tokens=known.max_tokens)
        print("the student takes the teacher's vocabulary, and learns how probable it finds each word")
    else:
        print("the teacher has a vocabulary of its own: the student learns its captions, not how probable each word is")
    encoder = Encoder.load(MODELS / "encoder")
    recipe = PhotoRecipe(shape=shape)
    trained = train_photo_model(corpus, arguments.work / "photo", recipe, encoder.encode, teacher)
    copy_encoder(MODELS / "encoder", arguments.to / "encoder")
    identity = identify_encoder(arguments.to / "encoder")
    write_captioner(trained, arguments.to / "captioner", encoder_identity=identity)
    calibrate(arguments.to, corpus)
    print(f"wrote {arguments.to}")
