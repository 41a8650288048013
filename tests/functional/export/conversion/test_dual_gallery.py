"""A dual encoder from its folder to an answer: photos rank as the model's own code ranks them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from export.errors import ModelError
from export.evaluation.probes import PROBES, THINGS
from export.gallery.correction import correct_caption
from export.gallery.indexing import index_photos
from export.models.encoders import encoder_space, open_encoder
from export.models.kept_models import ENCODERS
from export.models.model_choice import ModelChoice
from export.models.model_set import Models
from export.understanding.view.onnx_image_tower import ImageTowerSource
from handler.search.query import Query
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from tests.functional.export.conversion.dual_models import random_pictures, random_texts, save_dual_encoder
from tests.functional.export.conversion.dual_reference import Reference, assert_first_alike
from tests.functional.export.conversion.silent_captioner import SilentCaptioner
from tests.functional.export.galleries import write_photos

PHOTOS = QUERIES = 1_000

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dual_encoder(tmp_path_factory.mktemp("clip") / "tiny-clip", "clip")


@pytest.fixture(scope="module")
def siglip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_dual_encoder(tmp_path_factory.mktemp("siglip") / "tiny-siglip", "siglip")


def models_of(name: Path, out: Path) -> Models:
    """A dual encoder beside a captioner that costs nothing."""
    folder = open_encoder(str(name), out)
    space = encoder_space(folder)
    tower = ImageTowerSource.find(folder, space=space)
    assert tower is not None
    return Models(encoder=folder, encoder_identity=space, captioner=SilentCaptioner(), image_encoder=tower)


def test_a_thousand_photos_rank_as_the_models_own_code_ranks_them(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    pictures = random_pictures(PHOTOS)
    for number, picture in enumerate(pictures):
        picture.save(tmp_path / f"photos/{number:04}.bmp")
    report = index_photos(tmp_path / "photos", tmp_path / "out", workers=2, models=models_of(clip, tmp_path / "out"))
    assert (report.photos, report.failures) == (PHOTOS, ())

    reference = Reference(clip, "clip")
    queries = random_texts(QUERIES)
    expected = reference.embed_texts(queries) @ reference.embed_pictures(pictures).T
    searcher = Searcher(open_bundle(tmp_path / "out/bundle"))
    found = [
        int(searcher.search(Query(texts=(text,), mode="meaning"), k=1, min_relevance=0.0)["results"][0]["id"][:4])
        for text in queries
    ]
    assert_first_alike(found, expected)


def test_an_index_run_with_a_dual_encoder(clip: Path, tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    ids = write_photos(photos, 4)
    choice = ModelChoice(encoder=str(clip))
    report = index_photos(photos, out, workers=1, choice=choice)
    bundle = open_bundle(out / "bundle")
    (folder,) = (out / ENCODERS).iterdir()
    tower = ImageTowerSource.find(folder, space=bundle.manifest.encoder.space)
    assert tower is not None
    assert (bundle.manifest.views[-1], bundle.manifest.seen_by) == ("visual", tower.identity)
    assert (bundle.manifest.encoder.name, bundle.manifest.encoder.dim) == ("tiny-clip", 32)
    assert bundle.manifest.calibration.weights[-1] == 1.0
    assert not any(bundle.manifest.calibration.weights[:-1])
    again = index_photos(photos, out, workers=1, choice=choice)
    assert (again.bundle, again.read) == (report.bundle, 0)
    with pytest.raises(ModelError, match="leave out --languages"):
        ModelChoice(encoder=str(clip), languages=True).open(out)

    correct_caption(ids[0], "milo in the garden", out)  # texts lie apart from photos: only its words find it
    results = Searcher(open_bundle(out / "bundle")).search("milo", k=1)["results"]
    assert [result["id"] for result in results] == [ids[0]]
    far = Searcher(open_bundle(out / "bundle")).search(
        Query(texts=("a lighthouse",), mode="meaning"), min_relevance=0.0
    )
    before = {result["id"]: result["relevance"] for result in far["results"]}
    assert before[ids[0]] < 1.0


def test_siglip_says_itself_how_probable_a_photo_is(siglip: Path, tmp_path: Path) -> None:
    write_photos(tmp_path / "photos", 4)
    models = models_of(siglip, tmp_path / "out")
    index_photos(tmp_path / "photos", tmp_path / "out", workers=1, models=models)
    bundle = open_bundle(tmp_path / "out/bundle")
    results = Searcher(bundle).search(Query(texts=("a red wall",), mode="meaning"), k=4, min_relevance=0.0)["results"]
    reference = Reference(siglip, "siglip")
    pictures = [Image.open(tmp_path / "photos" / result["id"]) for result in results]
    cosines = reference.embed_texts(["a red wall"])[0] @ reference.embed_pictures(pictures).T
    scale, bias = reference.scale_and_bias()
    expected = 1 / (1 + np.exp(-(scale * cosines + bias)))
    np.testing.assert_allclose([result["relevance"] for result in results], expected, atol=0.02)
    everyday = reference.embed_texts([*THINGS, *PROBES]) @ reference.embed_pictures(pictures).T
    often = 1 / (1 + np.exp(-(scale * np.quantile(everyday.max(1), (0.7, 0.9)) + bias)))
    curve = bundle.manifest.calibration.sentence
    np.testing.assert_allclose((curve.perhaps, curve.threshold), often, rtol=0.1)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("text only", r"is the text tower of a dual encoder alone \(clip_text_model\); take the whole model"),
        ("image only", r"is the vision tower of a dual encoder alone \(clip_vision_model\); take the whole model"),
        ("no texts", r"model reads no texts \(You have to specify pixel_values\); expected a sentence encoder, or a"),
        ("own code", r"needs code of its own repository \(auto_map in config\.json\), and such code isn't run"),
        ("no tokenizer", r"has no tokenizer \(tokenizer\.json, vocab\.json, .*; fetch it whole"),
        ("unknown processor", r"transformers [\d.]+ can't do that: .*; update transformers, or name another model"),
        ("no processor", r"has no preprocessor_config\.json, which says how pictures are prepared"),
        ("pickle", r"only as pytorch_model\.bin, a pickle"),
        ("half fetched", r"lacks model-00002-of-00002\.safetensors"),
        ("no weights", r"has no model\.safetensors"),
        ("other sizes", r"can't be loaded"),
        ("odd processor", r"asks for what isn't known here"),
        ("broken weights", r"can't be loaded"),
    ],
)
def test_what_is_no_whole_dual_encoder(clip: Path, tmp_path: Path, damage: str, message: str) -> None:
    folder = Path(shutil.copytree(clip, tmp_path / "model"))
    weights = folder / "model.safetensors"
    configuration = json.loads((folder / "config.json").read_text())
    if damage == "text only":
        (folder / "config.json").write_text(
            json.dumps({**configuration["text_config"], "model_type": "clip_text_model"})
        )
    elif damage == "image only":
        described = {**configuration["vision_config"], "model_type": "clip_vision_model"}
        (folder / "config.json").write_text(json.dumps(described))
    elif damage == "no texts":
        (folder / "config.json").write_text(json.dumps({**configuration["vision_config"], "model_type": "vit"}))
    elif damage == "own code":
        own = {"model_type": "moondream1", "auto_map": {"AutoModel": "moondream.Moondream"}}
        (folder / "config.json").write_text(json.dumps(own))
    elif damage == "no tokenizer":
        for name in ("tokenizer.json", "vocab.json", "merges.txt"):
            (folder / name).unlink()
    elif damage == "unknown processor":
        said = json.loads((folder / "preprocessor_config.json").read_text())
        said["image_processor_type"] = "NoSuchImageProcessor"
        (folder / "preprocessor_config.json").write_text(json.dumps(said))
    elif damage == "no processor":
        (folder / "preprocessor_config.json").unlink()
    elif damage == "pickle":
        weights.rename(folder / "pytorch_model.bin")
    elif damage == "half fetched":
        weights.rename(folder / "model-00001-of-00002.safetensors")
        index = {"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    elif damage == "no weights":
        weights.unlink()
    elif damage == "other sizes":
        configuration["vision_config"]["hidden_size"] = 96
        (folder / "config.json").write_text(json.dumps(configuration))
    elif damage == "odd processor":
        said = json.loads((folder / "preprocessor_config.json").read_text())
        (folder / "preprocessor_config.json").write_text(json.dumps({**said, "do_resize": False}))
    elif damage == "broken weights":
        weights.write_bytes(b"\x08")
    with pytest.raises(ModelError, match=message) as refused:
        ModelChoice(encoder=str(folder)).open(tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not list((tmp_path / "out" / ENCODERS).glob("*"))
