"""Pictures as questions to photos that a dual encoder saw: its own image tower looks at them, and no other."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from export.cli.main import main
from export.errors import ModelError
from export.gallery.indexing import index_photos
from export.gallery.serving import create_gallery
from export.gallery.vision_in_service import square_of, vision_of
from export.models.kept_models import ENCODERS, image_tower_of
from export.models.model_choice import ModelChoice
from export.models.model_set import MODELS
from export.models.vision_folder import describe_image_tower, write_vision
from handler.errors import BundleError, NoVisionError
from handler.search.pictures.vision import VISION_WEIGHTS, Vision
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.conversion.dual_models import NAFLEX, SIDE, save_dual_encoder
from tests.functional.export.conversion.dual_reference import Reference

SHAPES = ((120, 90), (90, 120), (200, 80), (100, 100), (97, 151), (64, 64))

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module", params=["clip", "siglip"])
def indexed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos, the model that saw them, and the output folder."""
    return index(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def naflex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return index(tmp_path_factory.mktemp("naflex"), NAFLEX)


def index(base: Path, kind: str) -> Path:
    random = np.random.default_rng(8)
    (base / "photos").mkdir()
    for number, shape in enumerate(SHAPES):
        coarse = Image.fromarray(random.integers(0, 256, (7, 7, 3), dtype=np.uint8))
        coarse.resize(shape).save(base / f"photos/{number}.png")
    choice = ModelChoice(encoder=str(save_dual_encoder(base / kind, kind)))
    index_photos(base / "photos", base / "out", workers=1, choice=choice)
    return base


def test_it_sees_as_the_models_own_code_does(indexed: Path) -> None:
    vision = vision_of(indexed / "out")
    assert vision is not None
    photos = sorted((indexed / "photos").iterdir())
    (model,) = (path for path in indexed.iterdir() if path.name not in ("photos", "out"))
    expected = Reference(model, model.name).embed_pictures([Image.open(path).convert("RGB") for path in photos])
    found = np.stack([vision.see(square_of(path, vision.description)) for path in photos])
    assert float((found * expected).sum(1).min()) >= 0.99
    assert (vision.description.image_side, vision.description.fit) == (
        SIDE,
        {"clip": "crop", "siglip": "squash"}[model.name],
    )


def test_a_picture_finds_its_photo_from_the_command_line(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((indexed / "photos").iterdir()):
        assert main(["search", "--image", str(path), "--out", str(indexed / "out"), "--json"]) == 0
        best, *others = json.loads(capsys.readouterr().out)["results"]
        assert (best["id"], best["relevance"] > 0.7) == (path.name, True)
        assert all(other["relevance"] < 0.7 for other in others)


def test_a_picture_finds_its_photo_over_http(indexed: Path) -> None:
    vision = vision_of(indexed / "out")
    assert vision is not None
    square = square_of(indexed / "photos/2.png", vision.description)

    async def ask() -> tuple[httpx.Response, httpx.Response]:
        transport = httpx.ASGITransport(app=create_gallery(indexed / "out"))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            binary = {"content-type": "application/octet-stream"}
            return await client.get("/v1/photos"), await client.post(
                "/v1/search?k=1", content=square.tobytes(), headers=binary
            )

    said, answer = asyncio.run(ask())
    description = vision.description
    assert (said.json()["image_side"], said.json()["image_fit"]) == (description.image_side, description.fit)
    assert [result["id"] for result in answer.json()["results"]] == ["2.png"]


def test_the_function_gets_the_tower(indexed: Path, tmp_path: Path) -> None:
    size_bytes = write_vision(indexed / "out", tmp_path / "vision")
    assert size_bytes == sum(path.stat().st_size for path in (tmp_path / "vision").iterdir())
    packaged, own = Vision.find(tmp_path / "vision"), vision_of(indexed / "out")
    assert packaged is not None
    assert own is not None
    assert packaged.description == own.description
    square = square_of(indexed / "photos/0.png", own.description)
    np.testing.assert_array_equal(packaged.see(square), own.see(square))
    bundle = open_bundle(indexed / "out/bundle")
    assert Searcher(bundle, vision=packaged).collection(1)["image_queries"]
    with (tmp_path / "vision" / VISION_WEIGHTS).open("ab") as weights:
        weights.write(b"x")
    with pytest.raises(BundleError, match=r"image\.bin has sha256"):
        Vision(packaged.graph, lambda: own.description).see(square)


def test_another_tower_is_refused(indexed: Path, tmp_path: Path) -> None:
    """The shipped vision, or a tower of the same kind and other weights, sees nothing of these photos."""
    searcher = Searcher(open_bundle(indexed / "out/bundle"), vision=vision_of(tmp_path))
    with pytest.raises(NoVisionError, match="The photos of this bundle were seen by .* belongs to"):
        searcher.vision()
    tower = image_tower_of(indexed / "out")
    assert tower is not None
    other = Path(shutil.copytree(tower, tmp_path / "other"))
    said = json.loads((other / "image.json").read_text())
    (other / "image.json").write_text(json.dumps({**said, "name": "another"}))
    mixed = Vision(other / "image.onnx", lambda: describe_image_tower(other))
    with pytest.raises(NoVisionError, match="belongs to"):
        Searcher(open_bundle(indexed / "out/bundle"), vision=mixed).vision()


def test_where_the_tower_is_gone(indexed: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(indexed / "out", tmp_path / "out", symlinks=True))
    shutil.rmtree(out / ENCODERS)
    assert image_tower_of(out) is None
    with pytest.raises(NoVisionError, match="were seen by"):
        Searcher(open_bundle(out / "bundle"), vision=vision_of(out)).vision()


def test_a_tower_that_sees_pictures_in_their_own_shapes_takes_no_square(
    naflex: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    message = "takes pictures in shapes that a square doesn't show"
    assert main(["search", "--image", str(naflex / "photos/0.png"), "--out", str(naflex / "out")]) == 1
    assert message in capsys.readouterr().err
    searcher = Searcher(open_bundle(naflex / "out/bundle"), vision=vision_of(naflex / "out"))
    assert not searcher.collection(1)["image_queries"]
    with pytest.raises(NoVisionError, match=message):
        write_vision(naflex / "out", tmp_path / "vision")


def test_a_folder_that_has_no_vision(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="expected the folder of a captioner of Thinlens"):
        write_vision(tmp_path, tmp_path / "vision")
    assert write_vision(MODELS, tmp_path / "vision") > 0
