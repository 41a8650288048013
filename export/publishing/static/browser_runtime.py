"""The browser's runtime: onnxruntime-web, as the npm registry has it, which runs the encoder's graph in browsers.

It is fetched when a static gallery is published, by npm, which keeps it for the next time; what comes is that version
to the last byte, or refused.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from export.errors import PublishingError

PACKAGE = "onnxruntime-web@1.30.0"
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
MODULE = "package/dist/ort.wasm.bundle.min.mjs"
"""The module that loads and calls the other file."""
MACHINE = "package/dist/ort-wasm-simd-threaded.wasm"
_FETCHED_WITHIN_S = 600


def fetch_runtime() -> Mapping[str, bytes]:
    """The files MODULE and MACHINE of the package.

    Raises:
        PublishingError: There is no npm, it can't fetch the package, or that isn't what it should be.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise PublishingError(
            "--static needs npm, which comes with Node.js and isn't installed: install it, then publish"
        )
    with tempfile.TemporaryDirectory() as folder:
        archive = _fetched(npm, Path(folder))
        _check(archive)
        with tarfile.open(archive) as files:
            return {name: _content(files, name) for name in (MODULE, MACHINE)}


def _fetched(npm: str, folder: Path) -> Path:
    command = [
        npm,
        "pack",
        PACKAGE,
        "--prefer-offline",
        "--ignore-scripts",
        "--silent",
        "--pack-destination",
        str(folder),
    ]
    try:
        run = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_FETCHED_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise PublishingError(f"npm didn't fetch {PACKAGE} within {_FETCHED_WITHIN_S} s: try again") from error
    found = list(folder.glob("*.tgz"))
    if run.returncode or len(found) != 1:
        said = next(iter((run.stderr or run.stdout).strip().splitlines()), "it doesn't say why")
        raise PublishingError(f"npm can't fetch {PACKAGE}, which --static needs: {said}")
    return found[0]


def _check(archive: Path) -> None:
    found = f"sha512-{base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()}"
    if found != INTEGRITY:
        raise PublishingError(
            f"{PACKAGE} as npm fetched it is {found} (expected {INTEGRITY}): clean npm's cache with"
            " 'npm cache clean --force', then publish"
        )


def _content(files: tarfile.TarFile, name: str) -> bytes:
    file = files.extractfile(name)
    if file is None:
        raise PublishingError(f"{PACKAGE} has no file {name}")
    return file.read()
