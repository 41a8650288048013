"""Run the benchmarks and write their tables.

`python -m tests.performance [NAME ...]`: without names all of them but ONLY_BY_NAME are run, and results.md in this
folder is written anew; with names, tables are only printed.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.performance import (
    cold_start,
    cold_store,
    duplicates,
    encoding,
    facets,
    growth,
    indexing,
    load,
    many_machines,
    million,
    picture_questions,
    search,
    selection,
    small_memory,
    widget,
    words,
)
from tests.performance.collection import write_collection
from tests.performance.report import Table, measured_on

RESULTS = Path(__file__).parent / "results.md"
COLLECTIONS = (7_000, 100_000)

HEADING = """# Benchmark results

Written by `make bench`. The machines that this runs on are shared and noisy: trust ratios more than absolute times.
"""


def _cold_start(folder: Path) -> Table:
    bundles = [write_collection(folder / str(photos), photos=photos) for photos in COLLECTIONS]
    return cold_start.measure(bundles, folder / "store")


def _dual_encoders(folder: Path) -> Table:
    from tests.performance.training import dual_encoders  # and with it torch

    return dual_encoders.measure(folder, write_collection(folder / "shipped", photos=1_000))


def _cold_store(folder: Path) -> Table:
    sizes = (100_000, 1_000_000)
    bundles = [write_collection(folder / str(photos), photos=photos, clustered=True) for photos in sizes]
    (folder / "ceph").mkdir()
    return cold_store.measure(bundles, folder / "ceph")


def _memory(folder: Path) -> Table:
    return small_memory.measure(write_collection(folder / "bundle", photos=COLLECTIONS[-1]), folder / "store")


def _memory_million(folder: Path) -> Table:
    bundle = write_collection(folder / "bundle", photos=1_000_000, clustered=True)
    return small_memory.measure(bundle, folder / "store", limit_mb=256)


def _search(folder: Path) -> Table:
    return search.measure([write_collection(folder / str(photos), photos=photos) for photos in COLLECTIONS])


def _selection(folder: Path) -> Table:
    return selection.measure(write_collection(folder / "collection", photos=COLLECTIONS[1]))


def _facets(folder: Path) -> Table:
    return facets.measure(write_collection(folder / "collection", photos=COLLECTIONS[1]))


def _million(folder: Path) -> Table:
    return million.measure(write_collection(folder / "million", photos=1_000_000, clustered=True))


def _growth(folder: Path) -> Table:
    return growth.measure(folder, photos=200_000)


def _growth_million(folder: Path) -> Table:
    return growth.measure(folder, photos=1_000_000)


BENCHMARKS: Mapping[str, Callable[[Path], Table]] = {
    "cold_start": _cold_start,
    "memory": _memory,
    "load": load.measure,
    "encoding": encoding.measure,
    "search": _search,
    "selection": _selection,
    "facets": _facets,
    "duplicates": duplicates.measure,
    "dual_encoders": _dual_encoders,
    "growth": _growth,
    "indexing": indexing.measure,
    "widget": widget.measure,
    "cold_store": _cold_store,
    "pictures": picture_questions.measure,
    "words": words.measure,
    "many_machines": many_machines.measure,
    "many_machines_deaths": many_machines.measure_deaths,
    "million": _million,
    "memory_million": _memory_million,
    "growth_million": _growth_million,
}
ONLY_BY_NAME = (
    "dual_encoders",
    "facets",
    "cold_store",
    "pictures",
    "words",
    "many_machines",
    "many_machines_deaths",
    "million",
    "memory_million",
    "growth_million",
)


def main(names: list[str]) -> int:
    """Run the named benchmarks; returns the exit code."""
    if unknown := set(names) - BENCHMARKS.keys():
        print(f"No benchmark is called {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}.", file=sys.stderr)
        return 2
    tables = []
    for name in names or [name for name in BENCHMARKS if name not in ONLY_BY_NAME]:
        print(f"Measuring {name} …", file=sys.stderr)
        with tempfile.TemporaryDirectory(prefix="thinlens-bench-") as folder:
            tables.append(BENCHMARKS[name](Path(folder)).to_markdown())
        print(tables[-1])
    print(measured_on())
    if not names:
        RESULTS.write_text("\n".join([HEADING, measured_on(), "", *tables]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
