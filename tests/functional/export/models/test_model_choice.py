"""Models of one's own that can't be had: one line each that says what to do; none of it needs torch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from export.errors import ModelError, OutputError
from export.models.captioners import open_captioner
from export.models.hub import model_folder
from export.models.kept_models import CHOICE_FILE
from export.models.model_choice import SHIPPED, ModelChoice
from export.models.model_set import LANGUAGES, MODELS, shipped_models
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import identify_encoder


def write_captioner_folder(folder: Path, **files: object) -> str:
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"{name}.json").write_text(text)
    return str(folder)


@pytest.mark.parametrize("name", ["./not-there", "/not/there", "a/b/c", "", "what is this"])
def test_no_folder_and_no_name(name: str) -> None:
    with pytest.raises(ModelError, match="is no folder; expected a model's folder, or its name on Hugging Face"):
        model_folder(name)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(b"")
    with pytest.raises(ModelError, match="is no folder"):
        model_folder(str(tmp_path / "model"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            "LocalEntryNotFoundError",
            "no folder some/model, nothing .* before, and Hugging Face can't be reached; run this",
        ),
        ("RepositoryNotFoundError", "Hugging Face has no model of that name, or it is private; see how it is spelt"),
        ("", r"some/model can't be fetched from Hugging Face \(ConnectionError: off line\); try again, or bring"),
    ],
)
def test_what_can_not_be_fetched(monkeypatch: pytest.MonkeyPatch, error: str, message: str) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="needs huggingface_hub")
    requests = pytest.importorskip("requests", reason="needs requests, as huggingface_hub does")

    def unreachable(*_: object, **__: object) -> str:
        if error == "RepositoryNotFoundError":
            raise hub.errors.RepositoryNotFoundError("404", response=requests.Response())
        raise (getattr(hub.errors, error) if error else ConnectionError)("off\nline")

    monkeypatch.setattr(hub, "snapshot_download", unreachable)
    with pytest.raises(ModelError, match=message) as refused:
        model_folder("some/model")
    assert "\n" not in str(refused.value)


def test_a_model_whose_terms_have_to_be_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = pytest.importorskip("huggingface_hub", reason="needs huggingface_hub")
    requests = pytest.importorskip("requests", reason="needs requests, as huggingface_hub does")

    def gated(*_: object, **__: object) -> str:
        raise hub.errors.GatedRepoError("Access to it is restricted.", response=requests.Response())

    monkeypatch.setattr(hub, "snapshot_download", gated)
    with pytest.raises(ModelError, match=r"do so at https://huggingface\.co/some/model, log in with 'hf auth login'"):
        model_folder("some/model")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, r"has no config\.json; expected the folder of a model as transformers saves it"),
        ({"config": "{"}, r"config\.json can't be read"),
        ({"config": []}, r"config\.json: expected an object, found list"),
        (
            {"config": {}},
            "of the kind None; supported as captioners: blip, blip-2, git, vision-encoder-decoder",
        ),
        ({"config": {"model_type": "clip"}}, "of the kind 'clip'; supported as captioners"),
        (
            {"config": {"model_type": "moondream1", "auto_map": {"AutoModel": "moondream.Moondream"}}},
            "needs code of its own repository .* isn't run; take a model that transformers itself has",
        ),
        ({"config": {"model_type": "blip"}}, r"has no preprocessor_config\.json"),
        (
            {"config": {"model_type": "llava", "image_token_index": 9}, "tokenizer_config": {}},
            r"'llava' and has no chat template .*; take the version of it that was trained to follow instructions",
        ),
        (
            {"config": {"model_type": "blip"}, "preprocessor_config": {}},
            r"has no model\.safetensors; expected the folder of a model as transformers saves it",
        ),
        (
            {
                "config": {"model_type": "blip"},
                "preprocessor_config": {},
                "model.safetensors.index": {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}},
            },
            r"lacks model-1\.safetensors, model-2\.safetensors, as if half fetched; fetch it again",
        ),
    ],
)
def test_a_folder_without_a_captioner(tmp_path: Path, files: dict[str, object], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        open_captioner(write_captioner_folder(tmp_path, **files))


def test_weights_that_could_run_code_are_refused(tmp_path: Path) -> None:
    folder = write_captioner_folder(tmp_path, config={"model_type": "blip"}, preprocessor_config={})
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(ModelError, match=r"only as pytorch_model\.bin, a pickle, which could run code; have a copy"):
        open_captioner(folder)


@pytest.mark.parametrize("template", ["chat_template.jinja", "chat_template.json"])
def test_the_chat_template_is_part_of_what_a_captioner_is(template: str, tmp_path: Path) -> None:
    config = {"model_type": "smolvlm", "image_token_id": 9}
    folder = write_captioner_folder(tmp_path, config=config, preprocessor_config={})
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    identities = set()
    for text in ("{{ messages }}", "{{ messages | first }}"):
        (tmp_path / template).write_text(text)
        identities.add(open_captioner(folder).identity)
    assert len(identities) == 2


def test_a_folder_without_an_encoder(tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()
    with pytest.raises(ModelError, match=r"holds no sentence encoder; expected .*modules\.json"):
        ModelChoice(encoder=str(tmp_path / "encoder")).open(tmp_path)


def test_a_choice_is_kept_with_whole_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    ModelChoice(captioner="mine", encoder="some/name").keep(tmp_path)
    assert ModelChoice.of(tmp_path) == ModelChoice(captioner=str(tmp_path / "mine"), encoder="some/name")
    SHIPPED.keep(tmp_path)
    assert ModelChoice.of(tmp_path) == SHIPPED
    (tmp_path / CHOICE_FILE).write_text("{")
    with pytest.raises(OutputError, match=r"models\.json can't be read: .* move it away"):
        ModelChoice.of(tmp_path)


def test_the_encoder_for_many_languages_belongs_to_the_shipped_models(tmp_path: Path) -> None:
    choice = ModelChoice(languages=True)
    choice.keep(tmp_path)
    assert ModelChoice.of(tmp_path) == choice
    models = choice.open(tmp_path)
    assert models.asked == LANGUAGES
    assert models.encoder == MODELS / "encoder"
    assert models.asked_identity == identify_encoder(LANGUAGES) != models.encoder_identity
    assert sum(path.stat().st_size for path in LANGUAGES.iterdir() if path.suffix != ".md") <= 24_000_000
    SHIPPED.keep(tmp_path)
    assert not (tmp_path / CHOICE_FILE).exists()
    assert ModelChoice.of(tmp_path).open(tmp_path).asked == MODELS / "encoder"


def test_a_choice_of_before_there_were_many_languages(tmp_path: Path) -> None:
    (tmp_path / CHOICE_FILE).write_text('{"models": null, "captioner": "a", "encoder": null, "instructions": []}')
    assert ModelChoice.of(tmp_path) == ModelChoice(captioner="a")


def test_a_word_of_another_language_lies_where_the_english_one_does() -> None:
    english, languages = Encoder.load(MODELS / "encoder"), Encoder.load(LANGUAGES)
    said = ("a dog", "a bicycle", "snow", "a child", "a beach")
    asked = ("ein Hund", "ein Fahrrad", "Schnee", "ein Kind", "ein Strand")
    assert (languages.encode(asked) @ english.encode(said).T).argmax(1).tolist() == [0, 1, 2, 3, 4]


def test_a_text_encoder_is_loaded_once() -> None:
    models = shipped_models()
    assert models.text_encoder is models.text_encoder
    assert models.asked_encoder is models.text_encoder
    several = replace(models, languages=LANGUAGES)
    assert several.asked_encoder is several.asked_encoder
    assert several.asked_encoder.configuration.space == models.encoder_identity
