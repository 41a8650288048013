"""The list of models that are known to work stands in the documents as it stands in the code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from export.cli.main import main
from export.models.known_models import KNOWN_MODELS, known_models_table
from handler.bundle.encoder_files import MAX_DIM

README = Path(__file__).parents[4] / "export/README.md"


def test_the_documents_have_the_table() -> None:
    assert known_models_table() in README.read_text(encoding="utf-8")


def test_every_model_can_be_served() -> None:
    assert all((model.dim or 0) <= MAX_DIM for model in KNOWN_MODELS)
    assert len({model.name for model in KNOWN_MODELS}) == len(KNOWN_MODELS)


def test_the_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    printed = capsys.readouterr().out
    assert all(model.name in printed and model.licence in printed for model in KNOWN_MODELS)


def test_what_is_a_pickle_has_to_be_copied_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    printed = capsys.readouterr().out
    for model in KNOWN_MODELS:
        assert (f"thinlens models safetensors {model.name} --to DIR" in printed) == model.pickled


def test_as_json(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["models", "list", "--json"]) == 0
    listed = json.loads(capsysbinary.readouterr().out)["models"]
    assert [model["name"] for model in listed] == [model.name for model in KNOWN_MODELS]
