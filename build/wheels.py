"""Wheels: the handler's libraries as they are published for a target, which need not be this machine."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

# What the handler imports and what these import themselves. Their other dependencies serve what it never calls:
# usearch's tqdm and onnxruntime's flatbuffers, packaging and protobuf.
PACKAGES = ("mangum", "numkong", "numpy", "onnxruntime", "tokenizers", "usearch")
# As Lambda calls them, and as wheels do.
ARCHITECTURES = {"arm64": "aarch64", "x86_64": "x86_64"}
# Lambda's runtimes from Python 3.12 on run on Amazon Linux 2023 with glibc 2.34. Those before run on Amazon Linux 2
# with glibc 2.26, for which onnxruntime and numkong have no wheels.
_NEWEST_GLIBC = 34
_OLDEST_GLIBC = 17


class WheelError(Exception):
    """The wheels of a target can't be had; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a package is for: a Python version such as "3.13" and one of ARCHITECTURES."""

    python: str
    architecture: str

    def __str__(self) -> str:
        return f"python{self.python}-{self.architecture}"


def download(target: Target, constraints: Path, folder: Path) -> list[Path]:
    """Fetch the target's wheels in the versions of a constraints file.

    Raises:
        WheelError: Pip did not find them all; what it said is the text.
    """
    machine = ARCHITECTURES[target.architecture]
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", target.python]
    for platform in (*platforms, f"manylinux2014_{machine}"):
        command += ["--platform", platform]
    command += ["--constraint", str(constraints), "--dest", str(folder), *PACKAGES]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise WheelError(f"the wheels for {target} can't be had:\n{done.stderr.strip()}")
    return sorted(folder.glob("*.whl"))


def unpack(wheels: list[Path], folder: Path) -> None:
    """Lay the wheels' files out side by side, as on an import path."""
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
