"""A damaged bundle in service: what is said of it, and that what is said helps."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from export.cli.main import main
from export.gallery.indexing import index_photos
from tests.functional.export.galleries import fake_models, write_photo


def test_a_damaged_segment_is_written_anew_by_what_the_message_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos, out, models = tmp_path / "photos", tmp_path / "out", fake_models(tmp_path / "models")
    write_photo(photos / "red.jpg", "red", seed=1)
    index_photos(photos, out, workers=1, models=models)
    whole = next((out / "bundle").glob("segments/*/catalogue.bin"))
    whole.write_bytes(whole.read_bytes()[:-1] + b" ")  # of the size that it had

    assert main(["search", "red", "--out", str(out)]) == 1
    said = capsys.readouterr().err
    assert "catalogue.bin is altered" in said
    assert f"remove {out / 'bundles'} and run 'thinlens index' again" in said

    shutil.rmtree(out / "bundles")
    assert index_photos(photos, out, workers=1, models=models).read == 0
    assert main(["search", "red", "--out", str(out)]) == 0
