"""Pruning: what of the unpacked wheels the function never reads.

Licences and METADATA stay: the first because they say so, the second because vulnerability scanners read it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import elf

UNUSED = (
    # for people who compile or check types against the libraries
    "**/*.a",
    "**/*.h",
    "**/*.pxd",
    "**/*.pyi",
    "**/*.pyx",
    "**/py.typed",
    "numpy/_core/include",
    "numpy/_core/lib",
    "numpy/distutils",
    "numpy/f2py",
    # tests, and what only they load
    "**/conftest.py",
    "**/tests",
    "numpy/_core/_*_tests.*.so",
    "numpy/_core/_simd.*.so",
    "numpy/testing",
    # parts of numpy that are loaded only when they are named
    "numpy/ctypeslib",
    "numpy/fft",
    "numpy/ma",
    "numpy/polynomial",
    "numpy/random",
    # onnxruntime: tools for making and changing graphs; a second copy of the library, for programs in C
    "onnxruntime/backend",
    "onnxruntime/capi/libonnxruntime.so.*",
    "onnxruntime/datasets",
    "onnxruntime/quantization",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    # what installers write, and would no longer be true
    "*.dist-info/RECORD",
    "*.dist-info/WHEEL",
    "*.dist-info/entry_points.txt",
)


def prune(folder: Path) -> None:
    """Remove what is unused, and of shared libraries the bytes that nothing loads.

    Raises:
        elf.ElfError: A shared library is of a kind that was never seen.
    """
    for pattern in UNUSED:
        for path in folder.glob(pattern):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    for library in sorted(path for path in folder.rglob("*.so*") if path.is_file()):
        try:
            library.write_bytes(elf.without_unloaded_bytes(library.read_bytes()))
        except elf.ElfError as error:
            raise elf.ElfError(f"{library.relative_to(folder)}: {error}") from error
