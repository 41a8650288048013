"""A million photos: what a search of them takes in time and memory, and how many of the right photos it finds.

`python -m tests.performance million`, for it is not among those that are run together.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TypedDict

import numpy as np

from handler.bundle.manifest import MANIFEST_FILE
from handler.bundle.manifest_reader import read_manifest
from tests.performance.cold_start import BARE_IMPORTS, FIRST_ANSWER, Kind, start_in_turn
from tests.performance.collection import CLUSTERS, clustered_vectors
from tests.performance.report import ROOT, Table, spread

QUERIES = 200
STARTS = 5
SEED = 17


class Measured(TypedDict):
    """What searching.py reports: milliseconds of each kind of search, and the rest."""

    took_ms: dict[str, list[float]]
    index_ms: list[float]
    scan_ms: list[float]
    recall: float
    anonymous_mib: float


def measure(bundle: Path) -> Table:
    """Search a clustered collection in one process, and start others that search it once."""
    manifest = read_manifest((bundle / MANIFEST_FILE).read_bytes())
    queries = clustered_vectors(np.random.default_rng(SEED), QUERIES, manifest.encoder.dim)
    np.save(bundle.parent / "queries.npy", queries)
    done = subprocess.run(
        [sys.executable, "-m", "tests.performance.searching", str(bundle), str(bundle.parent / "queries.npy")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        check=True,
    )
    found: Measured = json.loads(done.stdout)
    plain = found["took_ms"]["plain"]
    p50, p99 = np.percentile(plain, [50, 99])
    starts = _first_answers(bundle)
    return Table(
        title=f"{manifest.counts.photos:,} photos",
        how=(
            f"Synthetic photos around {CLUSTERS:,} centres, {len(manifest.segments)} segments, "
            f"{manifest.size_bytes / 1e9:.2f} GB, asked {QUERIES} queries near them by one warm process on one core, "
            "each with every selection in turn, ten results; encoding a query is part of it. Median and quartiles; "
            "ratios are of medians, to the plain search where nothing else is said. The exact scan reads all int8 "
            "rows, in turn with the index, without what else a search does. Memory is what is not backed by files, "
            f"after the searches. First answers are those of {STARTS} new processes, each after one of the bare "
            "imports."
        ),
        header=("what", "measured", "ratio"),
        rows=[
            ("search, p50 ms", spread(plain), "1.00"),
            ("search, p99 ms", f"{p99:.1f}", f"{p99 / p50:.2f}"),
            *(
                (f"{name}, p50 ms", spread(times), f"{median(times) / p50:.2f}")
                for name, times in found["took_ms"].items()
                if name != "plain"
            ),
            ("the index alone, p50 ms", spread(found["index_ms"]), f"{median(found['index_ms']) / p50:.2f}"),
            (
                "an exact scan in its place, p50 ms",
                spread(found["scan_ms"]),
                f"{median(found['scan_ms']) / median(found['index_ms']):.2f} to the index alone",
            ),
            ("recall@10 against the exact scan", f"{found['recall']:.3f}", "–"),
            ("anonymous memory, MiB", f"{found['anonymous_mib']:.0f}", "–"),
            (
                "first answer of a new process, ms",
                spread(starts.first_ms, 0),
                f"{median(starts.first_ms) / median(starts.bare_ms):.2f} to the bare imports",
            ),
            ("anonymous memory at the first answer, MiB", f"{starts.first_mib:.0f}", "–"),
        ],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAnswers:
    """Milliseconds of bare imports and of first answers, and the anonymous memory of those, in MiB."""

    bare_ms: list[float]
    first_ms: list[float]
    first_mib: float


def _first_answers(bundle: Path) -> FirstAnswers:
    kinds = (
        Kind(name="the bare imports", code=BARE_IMPORTS, environment={}),
        Kind(name="first answer", code=FIRST_ANSWER, environment={"THINLENS_BUNDLE": str(bundle)}),
    )
    bare, first = start_in_turn(kinds, STARTS).values()
    return FirstAnswers(
        bare_ms=[start["took_ms"] for start in bare],
        first_ms=[start["took_ms"] for start in first],
        first_mib=median(start["anonymous_mib"] for start in first),
    )
