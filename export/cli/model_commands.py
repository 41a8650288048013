"""``thinlens models``: train the default models, or fine-tune them on photos of one's own; export and measure them."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from export.cli.distilling.distillation_commands import add_tool_parsers
from export.cli.foreign_model_commands import add_foreign_model_parsers
from export.errors import ModelError, TrainingError, installing
from export.models.hub import model_folder
from export.models.model_set import LANGUAGES, MODELS, Models, shipped_models
from export.training.data.corpus import CaptionedPhoto, read_photos
from handler.bundle.encoder_files import identify_encoder

if TYPE_CHECKING:
    from export.evaluation.retrieval import Evaluation
    from export.training.evaluation.report import Report
    from export.training.photo_model.unpacking import TrainedCaptioner

EVALUATED = ("flickr8k", "coco257")
CROWD = "coco-uncaptioned"

Command = Callable[[argparse.Namespace], None]


def add_parsers(models: argparse.ArgumentParser) -> None:
    """Add train, export and evaluate below ``thinlens models``."""
    commands = models.add_subparsers(required=True, metavar="COMMAND")
    train = _add(commands, "train", "train text encoder and photo model, or fine-tune the shipped ones", _train)
    train.add_argument("--work", type=Path, required=True, metavar="DIR", help="checkpoints and logs go here")
    train.add_argument(
        "--recipe",
        choices=("default",),
        default="default",
        help="seeds, sizes and steps: those of the shipped models are the only ones",
    )
    train.add_argument(
        "--teacher", metavar="MODEL", help="a sentence-transformers folder or name (default: all-MiniLM-L6-v2)"
    )
    _add_encoder(train)
    export = _add(commands, "export", "write the trained models as ONNX, quantised, and calibrate them", _export)
    export.add_argument("--work", type=Path, required=True, metavar="DIR", help="where they were trained")
    export.add_argument("--teacher", metavar="MODEL", help="as it was given to train")
    _add_encoder(export)
    export.add_argument(
        "--to",
        type=Path,
        metavar="DIR",
        help="where they go (default: the place of the shipped ones; none for fine-tuned ones)",
    )
    evaluate = _add(commands, "evaluate", "measure captions, search and relevance on dev photos", _evaluate)
    evaluate.add_argument("--models", type=Path, default=MODELS, metavar="DIR", help="(default: the shipped models)")
    evaluate.add_argument("--pictures", type=Path, metavar="DIR", help="reliability diagrams go here, as PNG")
    evaluate.add_argument(
        "--languages",
        type=Path,
        nargs="?",
        const=LANGUAGES,
        metavar="DIR",
        help="measure this encoder for many languages instead (default: the shipped one)",
    )
    evaluate.add_argument("--json", action="store_true", help="print JSON instead of tables")
    add_tool_parsers(commands, _run)
    add_foreign_model_parsers(commands)


def _add_encoder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--encoder",
        type=Path,
        metavar="DIR",
        help="a text encoder that is there, for the photo model to learn in its space (default: one that is trained)",
    )


def _add(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], name: str, summary: str, run: Command
) -> argparse.ArgumentParser:
    example = f"example: thinlens models {name} --data data" + (" --work work" if name != "evaluate" else "")
    parser = commands.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.", epilog=example)
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR|FILE.jsonl",
        help="the corpus, laid out as in export/training/README.md; or photos of your own, "
        '{"file": "a/b.jpg", "captions": ["a cat"]} a line: with these the shipped models are fine-tuned, and measured '
        "on those that are held out",
    )
    parser.set_defaults(run=lambda arguments: _run(run, arguments))
    return parser


def _run(run: Command, arguments: argparse.Namespace) -> None:
    try:
        run(arguments)
    except ModuleNotFoundError as error:
        raise ModelError(f"'thinlens models' needs {error.name}; {installing('train')}") from error


def _train(arguments: argparse.Namespace) -> None:
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    if _is_file(arguments):
        _fine_tune(arguments)
    else:
        _train_default(arguments)


def _train_default(arguments: argparse.Namespace) -> tuple[Path, TrainedCaptioner]:
    """The folder of the text encoder as it is served, and the photo model, which learns in its space.

    Training that is finished only reads its checkpoints.
    """
    from export.training.photo_training.photo_recipe import PhotoRecipe, train_photo_model
    from handler.bundle.encoder import Encoder

    served = arguments.encoder or _train_encoder(arguments)
    vectors_of = Encoder.load(served).encode
    return served, train_photo_model(arguments.data, arguments.work / "photo", PhotoRecipe(), vectors_of)


def _train_encoder(arguments: argparse.Namespace) -> Path:
    from export.training.photo_model.packing import write_encoder
    from export.training.text_encoder.encoder_training import EncoderRecipe, train_encoder
    from export.training.text_encoder.sentence_model import default_teacher

    teacher = model_folder(arguments.teacher) if arguments.teacher else default_teacher()
    served: Path = arguments.work / "served-encoder"
    write_encoder(*train_encoder(arguments.data, teacher, arguments.work / "encoder", EncoderRecipe()), served)
    return served


def _export(arguments: argparse.Namespace) -> None:
    from export.disk.model_files import copy_encoder, refuse_foreign_models
    from export.training.evaluation.held_out import calibrate
    from export.training.photo_model.packing import write_captioner

    if _is_file(arguments):
        _export_tuned(arguments)
        return
    to = arguments.to or MODELS
    for name in ("photo/rewards",) if arguments.encoder else ("encoder", "photo/rewards"):
        if not (arguments.work / name / "checkpoint.pt").is_file():
            raise TrainingError(f"{arguments.work / name} has no checkpoint; run 'thinlens models train' first")
    refuse_foreign_models(to)
    served, trained = _train_default(arguments)
    copy_encoder(served, to / "encoder")
    write_captioner(trained, to / "captioner", encoder_identity=identify_encoder(to / "encoder"))
    calibrate(to, arguments.data)
    print(f"wrote {to}")


def _is_file(arguments: argparse.Namespace) -> bool:
    """Whether --data names photos of the user's own, and not a corpus."""
    return bool(arguments.data.suffix == ".jsonl" or arguments.data.is_file())


def _fine_tune(arguments: argparse.Namespace) -> TrainedCaptioner:
    from export.training.data.fine_tuning_photos import read_fine_tuning_photos
    from export.training.photo_training.fine_tuning import FineTuningRecipe, fine_tune, run_folder

    photos, recipe = read_fine_tuning_photos(arguments.data), FineTuningRecipe()
    folder = run_folder(arguments.data, MODELS, arguments.work, recipe)
    print(f"{len(photos.training):,} photos to learn from, {len(photos.held_out):,} held out", flush=True)
    return fine_tune(photos, MODELS, folder, recipe)


def _export_tuned(arguments: argparse.Namespace) -> None:
    from export.training.data.fine_tuning_photos import read_fine_tuning_photos
    from export.training.evaluation.tuned_models import write_tuned
    from export.training.photo_training.fine_tuning import LAST_RUN, FineTuningRecipe, run_folder

    if arguments.to is None:
        raise ModelError("models that were fine-tuned don't take the place of the shipped ones; say where with --to")
    held_out = read_fine_tuning_photos(arguments.data).held_out
    runs = run_folder(arguments.data, MODELS, arguments.work, FineTuningRecipe())
    if not (runs / LAST_RUN / "checkpoint.pt").is_file():
        raise TrainingError(
            f"{arguments.work} has no checkpoint of {arguments.data} as it is now; run 'thinlens models train' first"
        )
    tuned = write_tuned(_fine_tune(arguments), MODELS, held_out, arguments.to)
    print(f"{'held-out photos':<20}    R@1    R@5   R@10  BLEU-4  CIDEr")
    for name, measured in (("before", tuned.before), ("fine-tuned", tuned.after)):
        recall = "".join(f"{share:7.1%}" for share in measured["served"]["recall"].values())
        scores = next(iter(measured["captions"].values()))
        print(f"{name:<20}{recall} {100 * scores['bleu_4']:7.1f} {scores['cider']:6.2f}")
    if tuned.worse_cider is not None:
        print(f"the decoder stays as it was: the tuned one's captions were worse (CIDEr {tuned.worse_cider:.2f})")
    print("relevance is calibrated on them" if tuned.calibrated else "relevance stays calibrated as it was: too few")
    print(f"wrote {arguments.to}; use it with 'thinlens index PHOTOS --models {arguments.to}'")


def _evaluate(arguments: argparse.Namespace) -> None:
    from export.evaluation.reliability import reliability_diagram, save_diagram
    from export.training.evaluation.report import report, search_in_a_crowd

    models = shipped_models(arguments.models)
    if arguments.languages:
        from export.training.evaluation.languages import language_table, score_languages

        scores = score_languages(models, arguments.languages, arguments.data)
        print(json.dumps(scores) if arguments.json else language_table(scores))
        return
    everything: list[CaptionedPhoto] = []
    for name, photos in _evaluated(arguments).items():
        everything += photos
        found = report(models, photos)
        print(json.dumps({"collection": name, **found.report}) if arguments.json else _tables(name, found.report))
        if arguments.pictures:
            arguments.pictures.mkdir(parents=True, exist_ok=True)
            diagram = reliability_diagram(found.pairs, title=name)
            save_diagram(diagram, arguments.pictures / f"reliability-{name}.png")
    if not _is_file(arguments):
        print(_kinds(models, arguments))
    crowd = sorted((arguments.data / "photos" / CROWD).glob("*.jpg"))
    if crowd:
        served = search_in_a_crowd(models, everything, crowd)
        line = f"all of these and {len(crowd):,} others in one collection\n\n{_served(served)}"
        print(json.dumps({"collection": "all", "others": len(crowd), "served": served}) if arguments.json else line)


def _evaluated(arguments: argparse.Namespace) -> dict[str, Sequence[CaptionedPhoto]]:
    """The photos to measure on, by the name of their collection."""
    if _is_file(arguments):
        from export.training.data.fine_tuning_photos import read_fine_tuning_photos

        return {arguments.data.stem: read_fine_tuning_photos(arguments.data).held_out}
    return {name: read_photos(arguments.data / "photos" / f"{name}.jsonl", "dev") for name in EVALUATED}


def _kinds(models: Models, arguments: argparse.Namespace) -> str:
    """What the thresholds cost, by kind of query."""
    from export.training.evaluation.caption_truth import score_truth
    from export.training.evaluation.held_out import describe_held_out, read_held_out, serve_held_out
    from export.training.evaluation.kinds import score_kind
    from export.understanding.onnx_captioner import OnnxCaptionerSource
    from handler.bundle.encoder import Encoder
    from handler.bundle.relevance import QUERY_KINDS

    encoder = Encoder.load(models.encoder)
    held_out = read_held_out(arguments.data)
    captioner = OnnxCaptionerSource.open(arguments.models / "captioner", encoder=models.encoder).load()
    understood = [captioner.say(described) for described in describe_held_out(arguments.models, held_out)]
    served = [serve_held_out(encoder, said, of) for said, of in zip(understood, held_out, strict=True)]
    assert models.calibration is not None
    by_collection = {
        of.name: {
            "photos": len(of.photos),
            **asdict(score_truth(of.photos, said, of.invention)),
            "words": asdict(score_kind([data], "name", models.calibration)) if "name" in data.kinds else None,
        }
        for of, said, data in zip(held_out, understood, served, strict=True)
        if of.invention
    }
    scores = {kind: asdict(score_kind(served, kind, models.calibration)) for kind in QUERY_KINDS}
    if arguments.json:
        return json.dumps({"collection": "kinds of queries", "kinds": scores, "collections": by_collection})
    lines = [f"{'kinds of queries, each of its own collection':<44}{''.join(f'{kind:>10}' for kind in scores)}"]
    for name in scores[QUERY_KINDS[0]]:
        values = (of_kind[name] for of_kind in scores.values())
        cells = "".join(f"{value:>10,}" if name == "queries" else f"{value:>10.3f}" for value in values)
        lines.append(f"{name.replace('_', ' '):<44}{cells}")
    lines += ["", f"{'what is said':<20} captioned  named  somebody invented  things invented  words: precision     F1"]
    for name, of in by_collection.items():
        shares = f"{of['captioned']:9.1%} {of['named']:6.1%}"
        shares += f" {of['somebody_invented']:18.1%} {of['things_invented']:16.1%}"
        words = of["words"]
        lines.append(f"{name:<20} {shares}" + (f" {words['precision']:17.1%} {words['f1']:6.2f}" if words else ""))
    return "\n".join([*lines, ""])


def _tables(name: str, measured: Report) -> str:
    lines = [f"{name}: {measured['photos']:,} dev photos", "", f"{'captions':<36} BLEU-4  CIDEr  distinct  words"]
    lines += [
        f"{instruction:<36} {100 * scores['bleu_4']:6.1f} {scores['cider']:6.2f}"
        f" {scores['distinct']:9.0%} {scores['words']:6.1f}"
        for instruction, scores in measured["captions"].items()
    ]
    lines += ["", f"{'text to photo':<36}    R@1    R@5   R@10  median rank"]
    lines += [
        f"{view:<36} {ranks['r_at_1']:6.1%} {ranks['r_at_5']:6.1%} {ranks['r_at_10']:6.1%} {ranks['median_rank']:12g}"
        for view, ranks in measured["search"].items()
    ]
    return "\n".join([*lines, "", _served(measured["served"])])


def _served(served: Evaluation) -> str:
    recall = "  ".join(f"R@{k} {share:.1%}" for k, share in served["recall"].items())
    return (
        f"served: {recall}  ECE {served['ece']:.3f}  Brier {served['brier']:.3f}  "
        f"off-topic queries answered {served['off_topic_answer_rate']:.1%}\n"
    )
