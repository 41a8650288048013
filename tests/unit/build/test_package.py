from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import bytecode
import package
import pruning
import serve
import wheels
from wheels import Target

ROOT = Path(__file__).parents[3]


def test_a_folder_that_is_no_bundle_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert package.main(["--bundle", str(tmp_path), "--out", str(tmp_path / "out")]) == 1
    assert f"package: {tmp_path} is no bundle: it has no manifest.json" in capsys.readouterr().err


def test_a_folder_that_is_there_is_not_written_into(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert package.main(["--unpacked", str(tmp_path)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_models_that_see_nothing_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in (wheels, "download"), (wheels, "unpack"), (bytecode, "compile_sources"):
        monkeypatch.setattr(*part, lambda *_: None)
    out = tmp_path / "out"
    assert package.main(["--unpacked", str(out), "--image-queries", str(tmp_path)]) == 1
    assert f"package: {tmp_path}/captioner has no captioner.json" in capsys.readouterr().err


def test_the_shipped_models_see(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in (wheels, "download"), (wheels, "unpack"), (bytecode, "compile_sources"):
        monkeypatch.setattr(*part, lambda *_: None)
    out = tmp_path / "out"
    assert package.main(["--unpacked", str(out), "--image-queries"]) == 0
    size_bytes = sum((out / "vision" / name).stat().st_size for name in ("vision.onnx", "vision.json"))
    assert capsys.readouterr().out == f"package: image queries add {size_bytes / 1e6:.1f} MB unpacked\n"
    calibration = json.loads((ROOT / "export/models/shipped/calibration.json").read_bytes())
    assert calibration["captioner"] in json.loads((out / "vision/vision.json").read_bytes())["captioners"]


def test_wheels_that_are_not_to_be_had(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    arguments = ["--python", "3.13", "--architecture", "arm64", "--out", str(tmp_path / "out")]
    assert package.main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith("package: the wheels for python3.13-arm64 can't be had:\n")
    assert any(name in error for name in wheels.PACKAGES)


@pytest.mark.parametrize("arguments", [["--architecture", "riscv"], ["--python"], ["surplus"]])
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        package.main(arguments)
    assert raised.value.code == 2
    assert "usage: package.py" in capsys.readouterr().err


def test_a_target_is_named_as_lambda_names_its_parts() -> None:
    assert str(Target(python="3.13", architecture="arm64")) == "python3.13-arm64"


def test_every_library_that_is_packed_has_its_version_pinned() -> None:
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    assert set(wheels.PACKAGES) <= set(pinned)


def test_only_what_is_unused_is_removed(tmp_path: Path) -> None:
    kept = [
        "numpy/lib/array.py",
        "numpy/testing.py",
        "numpy-2.dist-info/METADATA",
        "numpy-2.dist-info/licenses/LICENSE",
    ]
    unused = [
        "numpy/__init__.pyi",
        "numpy/_core/tests/data/a.txt",
        "numpy/f2py/main.py",
        "numpy-2.dist-info/RECORD",
        "onnxruntime/capi/libonnxruntime.so.1.31.1",
    ]
    for name in (*kept, *unused):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    pruning.prune(tmp_path)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()) == sorted(kept)


@pytest.mark.parametrize("port", ["http", "-1", "65536", "8080 "])
def test_a_port_that_is_none_ends_the_server_with_a_word(port: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    monkeypatch.setenv("PORT", port)
    with pytest.raises(SystemExit, match=re.escape(f"serve: PORT is {port!r} (expected 0 to 65535)")):
        serve.main()
