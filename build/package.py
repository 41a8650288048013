"""Package the function: a zip for AWS Lambda for each Python version and architecture, or a folder for a container.

    python build/package.py --python 3.13 --architecture arm64
    python build/package.py --bundle thinlens-out/bundle --image-queries
    python build/package.py --unpacked /function

The same sources, wheels and interpreter give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import sys
import tempfile
from pathlib import Path

import archive
import bytecode
import elf
import pruning
import wheels
from wheels import Target

ROOT = Path(__file__).parents[1]
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_LIMIT_BYTES = 262_144_000
# The Python versions that Lambda offers and the wheels can run on (see wheels.py).
LAMBDA_PYTHONS = ("3.12", "3.13", "3.14")
# Of handler/: what people read, and the sources that the page's script is built from.
NOT_SHIPPED = ("__pycache__", "*.md", "src")
# Where the handler looks for a bundle, and for what looks at pictures, when nothing says otherwise.
BUNDLE_FOLDER = "bundle"
VISION_FOLDER = "vision"
MODELS = ROOT / "export/models/shipped"


class PackageError(Exception):
    """The function can't be packaged; the text says why."""


def main(arguments: list[str]) -> int:
    """Build what the arguments ask for; the exit code."""
    options = _options(arguments)
    try:
        if options.unpacked:
            python = f"{sys.version_info.major}.{sys.version_info.minor}"
            target = Target(python=python, architecture=_this_architecture())
            lay_out(target, options.unpacked, options.bundle, options.image_queries)
            return 0
        for python in options.python:
            for architecture in options.architecture:
                target = Target(python=python, architecture=architecture)
                path = build_zip(target, options.out, options.bundle, options.image_queries)
                print(f"{path}  {path.stat().st_size / 1e6:.1f} MB  sha256 {_sha256(path)}", flush=True)
    except (PackageError, elf.ElfError, wheels.WheelError) as error:
        print(f"package: {error}", file=sys.stderr)
        return 1
    return 0


def build_zip(target: Target, out: Path, bundle: Path | None, models: Path | None = None) -> Path:
    """Build one zip; its path.

    Raises:
        PackageError: The bundle is none, the models see nothing, or the package is larger than Lambda allows.
        elf.ElfError: A library in the wheels is of a kind that was never seen.
        wheels.WheelError: The target's wheels can't be had.
    """
    out.mkdir(parents=True, exist_ok=True)
    path = out / f"thinlens-{target}.zip"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "function"
        lay_out(target, folder, bundle, models)
        size_bytes = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        if size_bytes > LAMBDA_LIMIT_BYTES:
            raise PackageError(
                f"{size_bytes:,} bytes unpacked are more than Lambda takes ({LAMBDA_LIMIT_BYTES:,}):"
                " package without --bundle, and publish the bundle to S3, or without --image-queries"
            )
        archive.write_zip(folder, path)
    return path


def lay_out(target: Target, folder: Path, bundle: Path | None, models: Path | None = None) -> None:
    """Write the function's files into a new folder: libraries, handler, bytecode; a bundle if one is given.

    Of `models`, if they are given, it gets what looks at pictures that are asked with.
    """
    if bundle is not None and not (bundle / "manifest.json").is_file():
        raise PackageError(f"{bundle} is no bundle: it has no manifest.json (expected such as thinlens-out/bundle)")
    if folder.exists():
        raise PackageError(f"{folder} is there already (expected a name for a new folder)")
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as downloads:
        wheels.unpack(wheels.download(target, ROOT / "constraints.txt", Path(downloads)), folder)
    pruning.prune(folder)
    shutil.copytree(ROOT / "handler", folder / "handler", ignore=shutil.ignore_patterns(*NOT_SHIPPED))
    if interpreter := bytecode.interpreter(target.python):
        bytecode.compile_sources(folder, interpreter)
    else:
        print(
            f"package: no Python {target.python} is here to write .pyc files with, without which {target} takes twice"
            f" as long to start; install it, or 'uv python install {target.python}', and package again",
            file=sys.stderr,
        )
    if bundle is not None:
        shutil.copytree(bundle, folder / BUNDLE_FOLDER)
    if models is not None:
        _add_vision(models, folder / VISION_FOLDER)


def _add_vision(models: Path, folder: Path) -> None:
    """Add what looks at pictures, and say how much that is."""
    sys.path.insert(0, str(ROOT))  # this is a script; what it needs of the export needs nothing installed
    from export.errors import ModelError
    from export.models.vision_folder import write_vision
    from handler.errors import NoVisionError

    try:
        size_bytes = write_vision(models, folder)
    except (ModelError, NoVisionError) as error:
        raise PackageError(str(error)) from error
    finally:
        sys.path.remove(str(ROOT))
    print(f"package: image queries add {size_bytes / 1e6:.1f} MB unpacked", flush=True)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="package.py", description="Package the function.")
    parser.add_argument("--python", nargs="+", default=LAMBDA_PYTHONS, metavar="VERSION", help="such as 3.13")
    parser.add_argument("--architecture", nargs="+", default=list(wheels.ARCHITECTURES), choices=wheels.ARCHITECTURES)
    parser.add_argument("--bundle", type=Path, metavar="DIR", help="a bundle to put into the package")
    parser.add_argument(
        "--image-queries",
        nargs="?",
        type=Path,
        const=MODELS,
        metavar="MODELS",
        help="let pictures be asked with; MODELS are those of the photos, or the output folder of a run with a dual "
        "encoder, in place of the shipped ones",
    )
    parser.add_argument("--out", type=Path, default=ROOT / "dist", metavar="DIR", help="where the zips go")
    parser.add_argument("--unpacked", type=Path, metavar="DIR", help="write a folder for this machine instead of zips")
    return parser.parse_args(arguments)


def _this_architecture() -> str:
    for architecture, machine in wheels.ARCHITECTURES.items():
        if platform.machine() in (architecture, machine):
            return architecture
    raise PackageError(f"there are no wheels for {platform.machine()} (expected {', '.join(wheels.ARCHITECTURES)})")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
