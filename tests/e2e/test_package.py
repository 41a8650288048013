"""The package for Lambda: its size and its bytes, and that it answers where nothing but it and the runtime is."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
import platform
import re
import shutil
import struct
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import files
from pathlib import Path
from urllib.parse import urlencode

import pytest

from export.pictures.decoding import decode_photo
from tests.e2e.conftest import COFFEE, COFFEE_CAPTION, Gallery
from tests.e2e.events import MakeEvent, function_url_event, http_api_event, load_balancer_event
from tests.e2e.lambda_runtime import ARCHITECTURES, Invoke, copy_emulator, invoking
from tests.e2e.processes import run_thinlens

import wheels

ROOT = Path(__file__).parents[2]
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# With bytecode, and a bundle: the query encoder and the index of a small gallery.
MAX_ZIP_BYTES = 40_000_000
MAX_UNZIPPED_BYTES = 110_000_000
# The field e_machine of an ELF header.
MACHINES = {"arm64": 183, "x86_64": 62}
UNCHECKED_HASH = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """The zips of both architectures for this Python, with the bundle in them."""

    folder: Path
    output: str

    def path(self, architecture: str) -> Path:
        return self.folder / f"thinlens-python{PYTHON}-{architecture}.zip"


def build(out: Path, gallery: Gallery, *architectures: str) -> Packages:
    command = [sys.executable, str(ROOT / "build/package.py"), "--out", str(out), "--python", PYTHON]
    command += ["--architecture", *architectures, "--bundle", str(gallery.out / "bundle")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if "can't be had" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return Packages(folder=out, output=done.stdout)


@pytest.fixture(scope="module")
def packages(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Packages:
    return build(tmp_path_factory.mktemp("packages"), gallery, *wheels.ARCHITECTURES)


@pytest.fixture(scope="module")
def runtime_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with Lambda's runtime client and nothing else, as Lambda's own image has it."""
    folder = tmp_path_factory.mktemp("runtime")
    for distribution in ("awslambdaric", "simplejson", "snapshot-restore-py"):
        for file in files(distribution) or ():
            if ".." not in file.parts:
                target = folder / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), target)
    return folder


@pytest.fixture(scope="module")
def invoke(packages: Packages, runtime_client: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Invoke]:
    """The unpacked function, run by a Python without site-packages."""
    folder = tmp_path_factory.mktemp("lambda")
    emulator = copy_emulator(folder)
    function = folder / "function"
    with zipfile.ZipFile(packages.path(ARCHITECTURES[platform.machine()])) as archive:
        archive.extractall(function)
    python = f"{sys.base_prefix}/bin/python{PYTHON}"
    runtime = [python, "-S", "-B", "-m", "awslambdaric", "handler.lambda_function.handler"]
    environment = {"PYTHONPATH": str(runtime_client), "THINLENS_MEDIA_URL": "/"}
    with invoking(emulator, runtime, log=folder / "log", environment=environment, cwd=function) as invoke:
        yield invoke
    # A file that is missing from the package may cost no more than a warning, at every start.
    assert "[W:" not in (folder / "log").read_text()


@pytest.fixture(scope="module")
def seeing(gallery: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """The function with all that it takes to look at pictures, as a folder for this machine."""
    folder = tmp_path_factory.mktemp("seeing") / "function"
    command = [sys.executable, str(ROOT / "build/package.py"), "--unpacked", str(folder), "--image-queries"]
    command += ["--bundle", str(gallery.out / "bundle")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    if "can't be had" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert (done.returncode, done.stderr) == (0, "")
    return Packages(folder=folder, output=done.stdout)


def test_it_looks_at_pictures_if_it_was_packaged_so(
    seeing: Packages, runtime_client: Path, gallery: Gallery, tmp_path: Path
) -> None:
    pixels = decode_photo(gallery.photos / COFFEE, image_size=256).pixels.tobytes()
    headers = {"content-type": "application/octet-stream"}
    sent = {"body": base64.b64encode(pixels).decode(), "isBase64Encoded": True}
    python = f"{sys.base_prefix}/bin/python{PYTHON}"
    runtime = [python, "-S", "-B", "-m", "awslambdaric", "handler.lambda_function.handler"]
    environment = {"PYTHONPATH": str(runtime_client), "THINLENS_MEDIA_URL": "/"}
    started = invoking(
        copy_emulator(tmp_path), runtime, log=tmp_path / "log", environment=environment, cwd=seeing.folder
    )
    with started as invoke:
        collection = json.loads(invoke(function_url_event("/v1/photos", "k=1"))["body"])
        found = invoke({**function_url_event("/v1/search", "k=1", method="POST", headers=headers), **sent})

    assert (collection["image_queries"], collection["image_side"]) == (True, 256)
    assert (found["statusCode"], found["headers"]["cache-control"]) == (200, "no-store")
    assert [photo["id"] for photo in json.loads(found["body"])["results"]] == [COFFEE]
    assert re.fullmatch(r"package: image queries add (9|10)\.\d MB unpacked\n", seeing.output)


def test_otherwise_it_says_that_it_does_not(invoke: Invoke) -> None:
    collection = json.loads(invoke(function_url_event("/v1/photos", "k=1"))["body"])
    refused = invoke(function_url_event("/v1/search", "k=1", method="POST"))
    assert (collection["image_queries"], collection["image_side"]) == (False, None)
    assert (refused["statusCode"], json.loads(refused["body"])["type"]) == (
        405,
        "urn:thinlens:problem:no-image-queries",
    )


@pytest.mark.parametrize("architecture", wheels.ARCHITECTURES)
def test_it_is_small(packages: Packages, architecture: str) -> None:
    with zipfile.ZipFile(packages.path(architecture)) as archive:
        members = archive.infolist()
    assert sum(member.file_size for member in members) <= MAX_UNZIPPED_BYTES
    assert any(member.filename.startswith("bundle/") for member in members)
    assert packages.path(architecture).stat().st_size <= MAX_ZIP_BYTES


@pytest.mark.parametrize("architecture", wheels.ARCHITECTURES)
def test_its_libraries_are_for_its_architecture(packages: Packages, architecture: str) -> None:
    with zipfile.ZipFile(packages.path(architecture)) as archive:
        machines = {
            name: struct.unpack_from("<H", archive.read(name), 18)[0]
            for name in archive.namelist()
            if ".so" in Path(name).name
        }
    assert set(machines.values()) == {MACHINES[architecture]}
    for library in ("numpy/_core/_multiarray_umath", "onnxruntime/capi/onnxruntime_pybind11_state", "usearch/compiled"):
        assert any(name.startswith(library) for name in machines), library


def test_every_module_has_bytecode_that_is_never_checked(packages: Packages) -> None:
    with zipfile.ZipFile(packages.path("arm64")) as archive:
        names = set(archive.namelist())
        modules = [name for name in names if name.endswith(".py")]
        for module in modules:
            compiled = importlib.util.cache_from_source(module)
            assert compiled in names, compiled
            header = archive.read(compiled)[:8]
            assert header[:4] == importlib.util.MAGIC_NUMBER
            assert struct.unpack("<I", header[4:]) == (UNCHECKED_HASH,), compiled
        (code,) = (archive.read(name) for name in names if name.startswith("handler/web/__pycache__/app."))
    assert len(modules) > 150
    assert b"/var/task/handler/web/app.py" in code


def test_the_same_input_gives_the_same_bytes(packages: Packages, gallery: Gallery, tmp_path: Path) -> None:
    again = build(tmp_path, gallery, "arm64").path("arm64").read_bytes()
    assert again == packages.path("arm64").read_bytes()
    assert hashlib.sha256(again).hexdigest() in packages.output


@pytest.mark.parametrize("event", [http_api_event, function_url_event, load_balancer_event])
def test_it_answers_in_a_clean_place(invoke: Invoke, gallery: Gallery, event: MakeEvent) -> None:
    response = invoke(event("/v1/search", urlencode({"q": COFFEE_CAPTION, "k": 1})))
    bundle = (gallery.out / "bundle").resolve().name
    assert (response["statusCode"], response["isBase64Encoded"]) == (200, False)
    assert response["headers"]["content-type"] == "application/json"
    answer = json.loads(response["body"])
    assert answer["bundle"] == bundle
    assert [(result["id"], result["relevance"]) for result in answer["results"]] == [(COFFEE, 1.0)]


@pytest.mark.parametrize("event", [http_api_event, function_url_event, load_balancer_event])
def test_it_knows_what_a_client_holds_already(invoke: Invoke, event: MakeEvent) -> None:
    etag = invoke(event("/v1/search", "q=cat"))["headers"]["etag"]
    response = invoke(event("/v1/search", "q=cat", headers={"if-none-match": etag}))
    assert (response["statusCode"], response["body"]) == (304, "")


def test_it_answers_as_the_command_does(invoke: Invoke, gallery: Gallery) -> None:
    """The package has its libraries from other files than this environment: smaller, but the same."""
    in_package = json.loads(invoke(http_api_event("/v1/search", "q=a%20cat&k=5&min_relevance=0"))["body"])
    command = ("search", "a cat", "--out", gallery.out, "-k", "5", "--min-relevance", "0", "--json")
    here = json.loads(run_thinlens(*command).stdout)
    assert [(result["id"], result["relevance"]) for result in in_package["results"]] == [
        (result["id"], result["relevance"]) for result in here["results"]
    ]


def test_it_serves_the_page_and_its_script(invoke: Invoke) -> None:
    page = invoke(function_url_event("/"))
    assert (page["statusCode"], page["headers"]["content-type"]) == (200, "text/html; charset=utf-8")
    script = page["body"].split('<script type="module" src="')[1].split('"')[0]
    assert invoke(function_url_event(f"/{script}"))["statusCode"] == 200
