"""The command line makes students of a dual encoder, with which photos are indexed in the teacher's space."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.cli.main import main
from export.errors import ModelError
from export.models.dual_encoders import open_dual_encoder
from export.models.encoders import encoder_space, open_encoder
from export.models.model_choice import ModelChoice
from export.models.model_set import MODELS
from export.training.photo_model import packing
from export.training.photo_training import view_runs
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.conversion.dual_models import DIMENSIONS, save_dual_encoder
from tests.functional.export.galleries import write_photos
from tests.functional.export.training.test_distillation import TEXTS

pytestmark = [
    pytest.mark.skipif(find_spec("open_clip") is None, reason="CLIP's vocabulary comes with open_clip_torch"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
]
PHOTOS = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dual encoder of random weights, photos, texts, and a student of its text tower."""
    folder = tmp_path_factory.mktemp("students")
    save_dual_encoder(folder / "teacher", "clip")
    write_photos(folder / "photos", PHOTOS)
    (folder / "texts.txt").write_text("\n".join(TEXTS))
    small = ["--layers", "1", "--feed-forward", "64", "--vocabulary", "350", "--steps", "3"]
    given = ["--photos", str(folder / "photos"), "--texts", str(folder / "texts.txt"), "--least-neighbours", "0.2"]
    assert main([*_distil("encoder", folder, to="student"), *given, *small]) == 0
    return folder


def test_a_student_of_the_text_tower_has_the_image_tower_beside_it(folder: Path) -> None:
    towers = open_encoder(str(folder / "teacher"), folder / "elsewhere")
    space = encoder_space(towers)
    student = Encoder.load(folder / "student")
    assert student.configuration.space == space
    assert student.encode(["a dog"]).shape == (1, DIMENSIONS)
    chosen = ModelChoice(encoder=str(folder / "student")).open(folder / "out")
    whole = ModelChoice(encoder=str(folder / "teacher")).open(folder / "out")
    assert chosen.image_encoder is not None
    assert whole.image_encoder is not None
    assert (chosen.encoder_identity, chosen.image_encoder.identity) == (space, whole.image_encoder.identity)
    assert chosen.asked == folder / "student"


def test_photos_are_indexed_in_the_teachers_space_and_asked_by_the_student(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "indexed"
    assert main(["index", str(folder / "photos"), "--out", str(out), "--encoder", str(folder / "student")]) == 0
    assert "no image tower" not in capsys.readouterr().err
    bundle = open_bundle(out / "bundle")
    assert bundle.manifest.counts.photos == PHOTOS
    assert bundle.encoder.configuration.space == encoder_space(folder / "student")
    found = Searcher(bundle).search("a dog", min_relevance=0.0)["results"]
    paths = [path for path in (folder / "photos").rglob("*") if path.is_file()]
    seen = open_dual_encoder(str(folder / "teacher")).embed_pictures([Image.open(path) for path in paths])
    closest = int(np.argmax(seen @ bundle.encoder.encode(["a dog"])[0]))
    assert found[0]["id"] == paths[closest].relative_to(folder / "photos").as_posix()


def test_a_view_goes_beside_an_encoder_of_its_space(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_runs, "_pooled_as_served", view_runs._pooled)  # what is in 8 bits takes long to write
    monkeypatch.setattr(packing, "_CROPS", 4)
    monkeypatch.setattr(packing, "IMAGE_SIZE", 64)
    given = ["--photos", str(folder / "photos"), "--encoder", str(folder / "student"), "--steps", "0"]
    assert main([*_distil("view", folder, to="small"), *given]) == 0
    for name in ENCODER_FILES:
        assert (folder / "small" / name).read_bytes() == (folder / "student" / name).read_bytes()
    models = ModelChoice(encoder=str(folder / "small")).open(folder / "out")
    assert models.image_encoder is not None
    seen = models.image_encoder.load().embed([Image.new("RGB", (300, 200), "red"), Image.new("RGB", (90, 90), "blue")])
    assert seen.shape == (2, DIMENSIONS)
    assert np.linalg.norm(seen, axis=1) == pytest.approx([1, 1], abs=1e-4)

    description = json.loads((folder / "small" / "image.json").read_bytes())
    (folder / "small" / "image.json").write_text(json.dumps({**description, "space": "0" * 64}))
    with pytest.raises(ModelError, match="models don't belong together: the image tower in .*small sees photos in"):
        ModelChoice(encoder=str(folder / "small")).open(folder / "out")


def test_an_encoder_of_another_space_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["--photos", str(folder / "photos"), "--encoder", str(MODELS / "encoder")]
    assert main([*_distil("view", folder, to="mixed"), *given]) == 1
    said = capsys.readouterr().err
    assert "models don't belong together" in said
    assert "leave out --encoder, or distil one with 'thinlens models distil encoder'" in said
    assert not (folder / "mixed").exists()


def test_photos_for_a_teacher_that_sees_none(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from export.training.text_encoder.sentence_model import default_teacher

    teacher = ["--teacher", str(default_teacher()), "--texts", str(folder / "texts.txt")]
    places = ["--photos", str(folder / "photos"), "--work", str(tmp_path / "work"), "--to", str(tmp_path / "to")]
    assert main(["models", "distil", "encoder", *teacher, *places]) == 1
    assert "reads texts alone, and finds no photos; leave out --photos, or name a dual encoder" in (
        capsys.readouterr().err
    )


def _distil(kind: str, folder: Path, *, to: str) -> list[str]:
    places = ["--work", str(folder / f"work-{kind}"), "--to", str(folder / to)]
    return ["models", "distil", kind, "--teacher", str(folder / "teacher"), *places]
