"""Indexing: photos per second from files to a bundle, with one process and with as many as there are cores.

Beside it in the same run, where its weights are there: MobileNetV2 alone.
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path
from typing import TypedDict

import numpy as np
from PIL import Image

from export.photos.samples import copy_samples
from tests.e2e.processes import THINLENS
from tests.performance import mobilenet
from tests.performance.memory import PeakMemory
from tests.performance.report import Table, spread

PHOTOS = 1_000
SIZE = (2016, 1512)
RUNS = 3
SEED = 7


_COMPARISON = (
    "Beside each run, float32 MobileNetV2 in as many processes that have loaded it already, a photo at a time: from "
    "the same files, decoded no larger than it takes, and from tensors that are there; and how many times as fast "
    "indexing is."
)


class Run(TypedDict):
    """One run of the command."""

    took_s: float
    peak_mib: float


def measure(folder: Path) -> Table:
    """Make the photos, then index them with one worker and with one for each core."""
    photos = folder / "photos"
    make_photos(photos, folder / "samples")
    worker_counts = sorted({1, os.cpu_count() or 1})
    runs: dict[int, list[Run]] = {workers: [] for workers in worker_counts}
    alone: dict[int, list[mobilenet.Rates]] = {workers: [] for workers in worker_counts}
    for number in range(RUNS):
        for workers in worker_counts:
            runs[workers].append(_index(photos, folder / f"out-{workers}-{number}", workers))
            if mobilenet.WEIGHTS.is_file():
                alone[workers].append(mobilenet.measure(sorted(photos.iterdir()), processes=workers))
    again = _index(photos, folder / f"out-{worker_counts[-1]}-0", worker_counts[-1])
    rows = [
        (
            str(workers),
            spread([PHOTOS / run["took_s"] for run in runs[workers]]),
            spread([run["took_s"] for run in runs[workers]]),
            f"{max(run['peak_mib'] for run in runs[workers]):.0f}",
            *_compared(PHOTOS / np.median([run["took_s"] for run in runs[workers]]), alone[workers]),
        )
        for workers in worker_counts
    ]
    nothing_new = (
        f"{worker_counts[-1]}, nothing new",
        *("–", f"{again['took_s']:.1f}", f"{again['peak_mib']:.0f}"),
        *("–", "–", "–", "–"),
    )
    return Table(
        title="Indexing",
        how=(
            f"`thinlens index` of {PHOTOS:,} JPEG photos of {SIZE[0]} × {SIZE[1]} pixels (cut from the sample "
            f"photographs), whole runs of the command: starting, decoding, captions with beam search, visual views, "
            f"thumbnails, bundle. {RUNS} runs of each, taking turns; median and quartiles. Memory is the highest "
            f"that all its processes had together, shared pages counted once. {_COMPARISON}"
            + ("" if mobilenet.WEIGHTS.is_file() else " Not measured: its weights aren't here (THINLENS_SHARED).")
        ),
        header=(
            *("worker processes", "photos/s", "s", "peak MiB"),
            *("MobileNetV2 from files, photos/s", "ratio", "from tensors, photos/s", "ratio"),
        ),
        rows=[*rows, nothing_new],
    )


def _compared(rate: float, alone: list[mobilenet.Rates]) -> tuple[str, str, str, str]:
    if not alone:
        return "–", "–", "–", "–"
    files, tensors = ([getattr(rates, of) for rates in alone] for of in ("files", "tensors"))
    return spread(files, 0), f"{rate / np.median(files):.2f}", spread(tensors, 0), f"{rate / np.median(tensors):.2f}"


def _index(photos: Path, out: Path, workers: int) -> Run:
    started = time.perf_counter()
    process = subprocess.Popen(
        [THINLENS, "index", str(photos), "--out", str(out), "--workers", str(workers)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with PeakMemory(process) as memory:
        _, errors = process.communicate()
    took_s = time.perf_counter() - started
    if process.returncode:
        raise RuntimeError(errors.decode(errors="replace"))
    return {"took_s": took_s, "peak_mib": memory.peak_bytes / 2**20}


def make_photos(folder: Path, samples: Path, *, count: int = PHOTOS, size: tuple[int, int] = SIZE) -> None:
    """So many different crops of the sample photographs, brought to a size in pixels."""
    folder.mkdir()
    copy_samples(samples)
    originals = [Image.open(path).convert("RGB") for path in sorted(samples.iterdir())]
    random = np.random.default_rng(SEED)
    for number in range(count):
        original = originals[number % len(originals)]
        part = float(random.uniform(0.5, 1.0))
        width, height = int(original.width * part), int(original.height * part)
        left = int(random.integers(original.width - width + 1))
        top = int(random.integers(original.height - height + 1))
        crop = original.crop((left, top, left + width, top + height)).resize(size, Image.Resampling.BICUBIC)
        crop.save(folder / f"{number:04}.jpg", quality=88)
