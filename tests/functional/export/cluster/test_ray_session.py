"""Without Ray, and where there is no cluster, one line says what to do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from export.cli.main import main
from export.cluster.ray_engine import RayEngine
from export.errors import ClusterError
from export.gallery.indexing import index_photos
from tests.e2e.processes import free_port
from tests.functional.export.cluster.clusters import strict_models
from tests.functional.export.galleries import write_photo

INSTALL = "install it with: make setup EXTRAS=ray"


@pytest.mark.parametrize(("package", "out"), [("ray", "out"), ("ray", "s3://b/c"), ("pyarrow", "s3://b/c")])
def test_without_the_extra(
    package: str, out: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    photos = "s3://b/photos" if "://" in out else str(write_photo(tmp_path / "photos/red.jpg", "red").parent)
    out = out if "://" in out else str(tmp_path / out)
    assert main(["index", photos, "--out", out, "--engine", "ray"]) == 1
    assert capsys.readouterr().err == f"thinlens: --engine ray needs {package}; {INSTALL}\n"


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:{port}", "127.0.0.1:99999", "{port}"])
def test_there_is_no_cluster_at_the_address(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    write_photo(tmp_path / "photos/red.jpg", "red")
    address = address.format(port=free_port())
    with pytest.raises(ClusterError, match=f"{address}' (can't be reached|is no address of a Ray cluster)"):
        index_photos(
            tmp_path / "photos", tmp_path / "out", models=strict_models(tmp_path), engine=RayEngine(address=address)
        )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["photos", "--out", "s3://b/c"], "s3://b/c is indexed into with --engine ray; add it, or index into a folder"),
        (["photos", "--out", "s3://b/c", "--engine", "ray"], "photos lies on this machine and s3://b/c in a bucket"),
        (["photos", "--address", "a:1"], "--address is that of a Ray cluster; add --engine ray"),
        (["photos", "--engine", "ray", "--work", "w"], "--work and --force belong to --out s3://…; leave them out"),
    ],
)
def test_what_does_not_go_together_is_refused(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", *arguments]) == 1
    assert told in capsys.readouterr().err
