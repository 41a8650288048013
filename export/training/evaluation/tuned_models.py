"""Tuned models: the folder that fine-tuning ends with, and what it is worth on the photos that were held out.

It has the layout of the shipped models. Both are measured as they are served. A decoder whose
captions have become worse stays as it was; models that find fewer photos are not written.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.disk.model_files import copy_encoder, refuse_foreign_models
from export.errors import ModelError, TrainingError
from export.evaluation.retrieval import off_topic_texts
from export.models.model_set import Models, shipped_models
from export.training.data.corpus import CaptionedPhoto
from export.training.evaluation.held_out import HeldOut, calibrate_on, queries_about, write_calibration
from export.training.evaluation.report import Report, report
from export.training.photo_model.packing import write_captioner
from export.training.photo_model.unpacking import TrainedCaptioner, read_captioner
from export.understanding.onnx_captioner import OnnxCaptionerSource
from handler.bundle.relevance import Calibration

FEWEST_TO_CALIBRATE = 100
"""Photos held out; with fewer, the calibration stays that of the models that were tuned."""
_FEWEST_ABSENT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What was measured on the held-out photos.

    Attributes:
        before: Of the models from which these were tuned.
        after: Of what is written.
        calibrated: Whether the calibration was fitted on them.
        worse_cider: Of the tuned decoder, if that has become worse and is not what is written.
    """

    before: Report
    after: Report
    calibrated: bool
    worse_cider: float | None


def write_tuned(tuned: TrainedCaptioner, models: Path, held_out: Sequence[CaptionedPhoto], to: Path) -> Tuned:
    """Write fine-tuned models with the encoder of those from which they come.

    Args:
        tuned: The captioner, with the backbone from before.
        models: The folder from which it was tuned.
        held_out: Photos that it didn't learn from.
        to: Where encoder/, captioner/ and calibration.json go.

    Raises:
        ModelError: ``to`` is the folder from which it was tuned, or an exported graph disagrees with torch.
        OutputError: ``to`` has such files of somebody else; they stay.
        TrainingError: The held-out photos are found worse than before; nothing is written.
    """
    if to.resolve() == models.resolve():
        raise ModelError(f"{to} holds the models that were fine-tuned; give another folder with --to")
    refuse_foreign_models(to)
    start = shipped_models(models)
    before = report(start, held_out).report
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        copy_encoder(models / "encoder", folder / "encoder")
        image_size = OnnxCaptionerSource.open(models / "captioner").image_encoder.image_size
        worse_cider = None

        def written(captioner: TrainedCaptioner) -> Report:
            identity = start.encoder_identity
            write_captioner(captioner, folder / "captioner", encoder_identity=identity, image_size=image_size)
            _keep_calibration(folder, start)
            return report(shipped_models(folder), held_out).report

        after = written(tuned)
        if _cider(after) < _cider(before):
            worse_cider = _cider(after)
            mixed = read_captioner(models / "captioner")
            mixed.model.visual_head.load_state_dict(tuned.model.visual_head.state_dict())
            after = written(mixed)
        if _mean_recall(after) < _mean_recall(before):
            raise TrainingError(
                f"the tuned models find the {len(held_out)} held-out photos worse than the shipped ones (mean of "
                f"R@1, R@5 and R@10 {_mean_recall(after):.1%}, before {_mean_recall(before):.1%}), so nothing is "
                "written: keep the shipped ones, or caption more photos"
            )
        calibrated = _calibrate(folder, held_out, start.calibration)
        refuse_foreign_models(to)  # again: hours have passed
        shutil.copytree(folder, to, dirs_exist_ok=True)
    return Tuned(before=before, after=after, calibrated=calibrated, worse_cider=worse_cider)


def _keep_calibration(folder: Path, start: Models) -> None:
    """Write the calibration from before, for the captioner as it is now.

    What its captions are believed was fitted on other photos, and isn't kept: it says what the user taught it.
    """
    assert start.calibration is not None
    captioner = OnnxCaptionerSource.open(folder / "captioner", encoder=folder / "encoder").identity
    write_calibration(folder, dataclasses.replace(start.calibration, captioner=captioner))


def _calibrate(folder: Path, held_out: Sequence[CaptionedPhoto], like: Calibration | None) -> bool:
    """Fit the calibration on the held-out photos if they are enough; whether they are."""
    absent = off_topic_texts(caption for photo in held_out for caption in photo.captions)
    enough = len(held_out) >= FEWEST_TO_CALIBRATE and len(absent) >= _FEWEST_ABSENT
    if enough:
        asked = HeldOut(name="held out", photos=held_out, queries=queries_about(held_out), absent=absent)
        calibrate_on(folder, [asked], like=like)
    return enough


def _cider(of: Report) -> float:
    return next(iter(of["captions"].values()))["cider"]


def _mean_recall(of: Report) -> float:
    recall = of["served"]["recall"].values()
    return sum(recall) / len(recall)
