"""A captioner and an image encoder that know nothing of each other: texts from one, the visual view from the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.bundles.background import PERHAPS, THRESHOLD
from export.bundles.told_by_captions import FEWEST
from export.errors import ModelError
from export.gallery.indexing import index_photos
from export.library.library import Library
from export.models.model_set import MODELS, Models, shipped_models
from export.understanding.onnx_captioner import OnnxCaptioner, OnnxCaptionerSource
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.galleries import (
    FakeSource,
    FakeVisionSource,
    fake_models,
    records,
    times_understood,
    write_photo,
)

COLOURS = ("red", "green", "blue")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindSource(FakeSource):
    """A captioner that gives texts alone."""

    @property
    def image_encoder(self) -> None:  # type: ignore[override]
        return


def apart(folder: Path, *, image_encoder: str = "a" * 64) -> Models:
    models = fake_models(folder)
    source = models.captioner
    assert isinstance(source, FakeSource)
    vision = FakeVisionSource(identity=image_encoder, space=models.encoder_identity, encoder=source.encoder)
    captioner = BlindSource(encoder=source.encoder, encoder_identity=source.encoder_identity, log=source.log)
    return replace(models, captioner=captioner, image_encoder=vision, calibration=None)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed, colour in enumerate(COLOURS):
        write_photo(tmp_path / f"photos/{colour}.png", colour, seed=seed)
    return tmp_path / "photos"


def test_photos_are_found_by_what_the_image_encoder_sees(photos: Path, tmp_path: Path) -> None:
    models = apart(tmp_path / "models")
    report = index_photos(photos, tmp_path / "out", workers=2, models=models)
    assert (report.read, report.photos) == (3, 3)
    bundle = open_bundle(tmp_path / "out/bundle")
    assert bundle.manifest.views == ("caption", "caption", "visual")
    assert (bundle.manifest.provenance.image_encoder, bundle.manifest.seen_by) == ("a" * 64, "a" * 64)
    for colour in COLOURS:
        (found,) = Searcher(bundle).search(f"{colour} wall", k=1, min_relevance=0.0)["results"]
        assert found["id"] == f"{colour}.png"


def test_another_image_encoder_sees_photos_anew_and_their_captions_stay(photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    index_photos(photos, out, workers=1, models=apart(tmp_path / "models"))
    told = records(out)
    other = apart(tmp_path / "models", image_encoder="b" * 64)
    assert index_photos(photos, out, workers=1, models=other).read == 3
    assert len(times_understood(other)) == 3
    assert records(out) == told
    with Library.open(out) as library:
        assert len(library.understandings.seen(other.understander)) == 3
    assert index_photos(photos, out, workers=1, models=apart(tmp_path / "models")).read == 0
    assert open_bundle(out / "bundle").manifest.seen_by == "a" * 64


def test_a_bundle_whose_captioner_sees_says_nothing_more(photos: Path, tmp_path: Path) -> None:
    index_photos(photos, tmp_path / "out", workers=1, models=fake_models(tmp_path / "models"))
    manifest = open_bundle(tmp_path / "out/bundle").manifest
    assert (manifest.provenance.image_encoder, manifest.seen_by) == (None, manifest.provenance.captioner)
    assert b"image_encoder" not in manifest.to_bytes()


def test_captions_tell_how_sure_a_dual_encoder_is_where_there_are_enough(tmp_path: Path) -> None:
    models = apart(tmp_path / "models")
    assert isinstance(models.image_encoder, FakeVisionSource)
    models = replace(models, image_encoder=replace(models.image_encoder, texts_apart=True))
    for seed in range(FEWEST):
        write_photo(tmp_path / f"photos/{seed}.png", list(COLOURS)[seed % len(COLOURS)], seed=seed)
    index_photos(tmp_path / "photos", tmp_path / "out", workers=1, models=models)
    told = open_bundle(tmp_path / "out/bundle").manifest.calibration.sentence
    assert (told.threshold, told.perhaps) != (THRESHOLD, PERHAPS)
    (tmp_path / "photos/0.png").unlink()
    index_photos(tmp_path / "photos", tmp_path / "out", workers=1, models=models)
    laid = open_bundle(tmp_path / "out/bundle").manifest.calibration.sentence
    assert (laid.threshold, laid.perhaps) == (THRESHOLD, PERHAPS)


def test_an_image_encoder_of_another_space_is_refused(tmp_path: Path) -> None:
    models = apart(tmp_path / "models")
    source = models.image_encoder
    assert isinstance(source, FakeVisionSource)
    with pytest.raises(
        ModelError, match=f"the visual view was made for {'c' * 64}, expected {models.encoder_identity}"
    ):
        replace(models, image_encoder=replace(source, space="c" * 64))


def test_the_vision_alone_sees_what_the_captioner_sees() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 256, 256, 3), dtype=np.uint8)
    captioner = OnnxCaptioner(OnnxCaptionerSource.open(MODELS / "captioner"))
    expected = captioner.describe(pixels, beams=1).visual
    source = shipped_models().image_encoder
    assert source is not None
    np.testing.assert_allclose(source.load().embed([Image.fromarray(each) for each in pixels]), expected, atol=1e-5)
