"""Beyond one function: the coded index at 1 and 3 million vectors, and LanceDB with 3 million in an object store.

    python -m tests.performance.beyond_one_function FOLDER [s3://BUCKET/PREFIX]

Without an address only the coded index is measured. LanceDB must be installed where this runs (pip install lancedb);
it finds the store by AWS_ENDPOINT, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_ALLOW_HTTP. Takes 2 GB
of FOLDER, 5 GB of the store and half an hour. Steps whose results FOLDER holds, as JSON, are not taken again.

Vectors are synthetic: centres, of which few have many photos, with noise whose variance falls from direction to
direction. Queries are farther from the centres. Recall is against the exact answer of the float32 vectors. Each
measured process has one core, and the files of the coded index are in the page cache.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.bundle.blocks.blocked_file import BlockedFile
from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.index.index_kinds import INDEX_FILES, open_index, write_index
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.manifest import DEFAULT_KIND
from tests.performance.report import Table, measured_on, spread

SEED = 13
DIM = 384
CENTRES = 4_000
SEGMENT = 62_500
PHOTOS = (1_000_000, 3_000_000)
QUERIES = 200
WARM_UP = 20
QUERIES_OF_STORE = 100
COUNT = 10
YEARS = range(2015, 2025)
YEAR = 2020
COLD_STARTS = 5
TABLE = "photos"
PARTITIONS = 512
SUB_VECTORS = 96
SETTINGS = ((64, 5), (160, 5), (256, 20))
"""How many partitions are looked into, and how many times as many rows are read as are asked for."""

ONE_CORE = "THINLENS_CORE"
"""The variable that tells a process to keep to one core."""

Search = Callable[[NDArray[np.float32], bool], list[int]]
"""Of a query the numbers of the COUNT best photos, of all or of those of YEAR alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Photos from number `start` on: float32 [n, DIM], unit vectors, and int16 [n], their years."""

    start: int
    vectors: NDArray[np.float32]
    years: NDArray[np.int16]


def batches(photos: int) -> Iterator[Batch]:
    """The first so many photos, the same whenever they are made."""
    for start in range(0, photos, SEGMENT):
        random = np.random.default_rng((SEED, 0, start))
        vectors = _around_centres(random, SEGMENT, noise=1.0)
        yield Batch(start=start, vectors=vectors, years=random.choice(YEARS, SEGMENT).astype(np.int16))


def queries() -> NDArray[np.float32]:
    """Unit vectors, float32 [QUERIES, DIM]."""
    return _around_centres(np.random.default_rng((SEED, 1)), QUERIES, noise=1.5)


def _around_centres(random: np.random.Generator, count: int, *, noise: float) -> NDArray[np.float32]:
    centres, often, turn = _space()
    chosen = random.choice(CENTRES, size=count, p=often)
    return _unit(centres[chosen] + random.standard_normal((count, DIM), dtype=np.float32) @ (turn * np.float32(noise)))


@cache
def _space() -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float32]]:
    """Centres, float32 [CENTRES, DIM]; how often each is chosen; and what gives noise its directions and norm 1."""
    random = np.random.default_rng(SEED)
    centres = _unit(random.standard_normal((CENTRES, DIM), dtype=np.float32))
    often = 1.0 / (np.arange(CENTRES) + 50.0)
    deviations = (np.arange(DIM) + 20.0) ** -0.5
    turn = np.linalg.qr(random.standard_normal((DIM, DIM)))[0] * (deviations / np.linalg.norm(deviations))[:, None]
    return centres, often / often.sum(), turn.astype(np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


# --- the coded index ---


def write(folder: Path) -> dict[str, float]:
    """Write the segments, and the exact answers for each of PHOTOS: of all, and of those of YEAR."""
    asked = queries()
    best = {kind: _Best.nothing() for kind in ("all", "filtered")}
    in_index_s = 0.0
    for batch in batches(PHOTOS[-1]):
        place = folder / f"{batch.start:08}"
        place.mkdir(parents=True, exist_ok=True)
        started = time.process_time()
        write_index(place, QuantisedVectors.of(batch.vectors))
        in_index_s += time.process_time() - started
        np.save(place / "years.npy", batch.years)
        scores = asked @ batch.vectors.T
        best["all"] = best["all"].or_of(scores, batch.start)
        best["filtered"] = best["filtered"].or_of(np.where(batch.years == YEAR, scores, -np.inf), batch.start)
        photos = batch.start + len(batch.vectors)
        if photos in PHOTOS:
            exact = folder / f"exact-{photos}.npz"
            np.savez(exact, all=best["all"].numbers, filtered=best["filtered"].numbers)
    return {"processor_s": in_index_s, "peak_mb": _memory_mb("VmHWM")}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Best:
    """The best of each query so far: float32 [QUERIES, COUNT] and int64 of the same shape."""

    scores: NDArray[np.float32]
    numbers: NDArray[np.int64]

    @classmethod
    def nothing(cls) -> _Best:
        shape = (QUERIES, COUNT)
        return cls(scores=np.full(shape, -np.inf, np.float32), numbers=np.full(shape, -1, np.int64))

    def or_of(self, scores: NDArray[np.float32], start: int) -> _Best:
        top = np.argpartition(-scores, COUNT, axis=1)[:, :COUNT]
        all_scores = np.hstack([self.scores, np.take_along_axis(scores, top, axis=1)])
        all_numbers = np.hstack([self.numbers, top + start])
        order = np.argsort(-all_scores, axis=1)[:, :COUNT]
        return _Best(
            scores=np.take_along_axis(all_scores, order, axis=1), numbers=np.take_along_axis(all_numbers, order, axis=1)
        )


def _segment(folder: Path, start: int) -> SegmentFiles:
    place = folder / f"{start:08}"
    return SegmentFiles(folder=place, photos=SEGMENT, blocked={"index.usearch": BlockedFile(place / "index.usearch")})


def ask_coded(folder: Path, photos: int) -> dict[str, Any]:
    """Ask the coded index, its files on this machine's disk."""
    segments = [_segment(folder, start) for start in range(0, photos, SEGMENT)]
    years = np.concatenate([np.load(segment.folder / "years.npy") for segment in segments])
    before = _memory_mb("RssAnon")
    index = open_index(DEFAULT_KIND, segments, dim=DIM, gone=np.empty(0, np.int64))

    def search(query: NDArray[np.float32], filtered: bool) -> list[int]:
        hits = index.search(query, COUNT, years == YEAR if filtered else None)
        return [int(number) for number in hits.numbers]

    sizes = {name: sum((segment.folder / name).stat().st_size for segment in segments) / 1e6 for name in INDEX_FILES}
    asked = {kind: _ask(search, folder, photos, filtered=kind == "filtered") for kind in ("all", "filtered")}
    return {**asked, "mb": sizes, "anonymous_before_mb": before, "anonymous_mb": _memory_mb("RssAnon")}


# --- LanceDB ---


def _lancedb() -> Any:
    try:
        return importlib.import_module("lancedb")
    except ImportError as error:
        raise SystemExit("LanceDB is not installed here: pip install lancedb, or leave the address out") from error


def _lancedb_index() -> Any:
    return importlib.import_module("lancedb.index")


def fill_lance(address: str) -> dict[str, float]:
    """Write the table of PHOTOS[-1], with an index of the years."""
    pa = importlib.import_module("pyarrow")
    schema = pa.schema([("number", pa.int64()), ("year", pa.int16()), ("vector", pa.list_(pa.float32(), DIM))])

    def rows() -> Iterator[Any]:
        for batch in batches(PHOTOS[-1]):
            vectors = pa.FixedSizeListArray.from_arrays(batch.vectors.ravel(), DIM)
            numbers = np.arange(batch.start, batch.start + len(batch.vectors))
            yield pa.record_batch([pa.array(numbers), pa.array(batch.years), vectors], schema=schema)

    started = time.perf_counter()
    table = _lancedb().connect(address).create_table(TABLE, rows(), schema=schema, mode="overwrite")
    table.create_index("year", config=_lancedb_index().Bitmap())
    return {"seconds": time.perf_counter() - started, "peak_mb": _memory_mb("VmHWM")}


def index_lance(address: str) -> dict[str, float]:
    """Write an index of the vectors: IVF_PQ."""
    table = _lancedb().connect(address).open_table(TABLE)
    started = time.perf_counter()
    kind = _lancedb_index().IvfPq(distance_type="cosine", num_partitions=PARTITIONS, num_sub_vectors=SUB_VECTORS)
    table.create_index("vector", config=kind)
    return {
        "seconds": time.perf_counter() - started,
        "processor_s": time.process_time(),
        "peak_mb": _memory_mb("VmHWM"),
    }


def ask_lance(address: str, folder: Path, partitions: int, refined: int) -> dict[str, Any]:
    """Ask the table in the store."""
    table = _lancedb().connect(address).open_table(TABLE)

    def search(query: NDArray[np.float32], filtered: bool) -> list[int]:
        asked = table.search(query).distance_type("cosine").nprobes(partitions).refine_factor(refined).limit(COUNT)
        asked = asked.where(f"year = {YEAR}", prefilter=True) if filtered else asked
        return list(asked.select(["number"]).to_arrow()["number"].to_pylist())

    asked = {
        kind: _ask(search, folder, PHOTOS[-1], filtered=kind == "filtered", count=QUERIES_OF_STORE)
        for kind in ("all", "filtered")
    }
    return {**asked, "anonymous_mb": _memory_mb("RssAnon"), "peak_mb": _memory_mb("VmHWM")}


def first_lance(address: str) -> dict[str, float]:
    """The first query of a process, filtered, with the middle one of SETTINGS: the imports, and what comes after."""
    partitions, refined = SETTINGS[1]
    started = time.perf_counter()
    lancedb = _lancedb()
    imported = time.perf_counter()
    table = lancedb.connect(address).open_table(TABLE)
    table.search(queries()[1]).distance_type("cosine").nprobes(partitions).refine_factor(refined).limit(COUNT).where(
        f"year = {YEAR}", prefilter=True
    ).to_arrow()
    ended = time.perf_counter()
    return {"import_ms": (imported - started) * 1e3, "first_ms": (ended - imported) * 1e3}


# --- measuring ---


def _ask(search: Search, folder: Path, photos: int, *, filtered: bool, count: int = QUERIES) -> dict[str, Any]:
    """Ask every query, after some to warm up."""
    exact = np.load(folder / f"exact-{photos}.npz")["filtered" if filtered else "all"][:count]
    asked = queries()[:count]
    for query in asked[:WARM_UP]:
        search(query, filtered)
    found, times, used = [], [], time.process_time()
    for query in asked:
        started = time.perf_counter()
        found.append(search(query, filtered))
        times.append((time.perf_counter() - started) * 1e3)
    processor_ms = (time.process_time() - used) * 1e3 / len(asked)
    recall = np.mean([len(set(some) & set(right.tolist())) / COUNT for some, right in zip(found, exact, strict=True)])
    return {"recall": float(recall), "ms": times, "processor_ms": processor_ms}


def _memory_mb(what: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1_024 / 1e6 for line in lines if line.startswith(f"{what}:"))


STEPS: Mapping[str, Callable[..., dict[str, Any]]] = {
    "write": lambda folder: write(Path(folder)),
    "ask_coded": lambda folder, photos: ask_coded(Path(folder), int(photos)),
    "fill_lance": lambda _, address: fill_lance(address),
    "index_lance": lambda _, address: index_lance(address),
    "first_lance": lambda _, address, turn: first_lance(address),
    "ask_lance": lambda folder, address, *setting: ask_lance(address, Path(folder), *map(int, setting)),
}


def _step(folder: Path, name: str, *arguments: object, one_core: bool = False) -> dict[str, Any]:
    """What a step found, in a process of its own, or what it found when it was taken before."""
    words = list(map(str, arguments))
    result = folder / f"{'-'.join([name, *(word.replace('/', '_') for word in words)])}.json"
    if not result.exists():
        command = [sys.executable, "-m", "tests.performance.beyond_one_function", "--step", name, str(folder), *words]
        threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", ONE_CORE: "1"} if one_core else {}
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env={**os.environ, **threads})
        result.write_bytes(done.stdout)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def measure(folder: Path, address: str | None) -> Table:
    """Take all steps that have not been taken."""
    _step(folder, "write")
    rows = []
    for photos in PHOTOS:
        found = _step(folder, "ask_coded", photos, one_core=True)
        size = " + ".join(f"{size:,.0f}" for size in found["mb"].values())
        memory = found["anonymous_mb"] - found["anonymous_before_mb"]
        rows.append(_row(f"coded, {photos:,}", found, size, f"{memory:.0f} of {found['anonymous_mb']:.0f}"))
    if address is not None:
        _step(folder, "fill_lance", address)
        _step(folder, "index_lance", address)
        for turn in range(COLD_STARTS):
            _step(folder, "first_lance", address, turn, one_core=True)
        for partitions, refined in SETTINGS:
            found = _step(folder, "ask_lance", address, partitions, refined, one_core=True)
            name = f"LanceDB, {partitions} of {PARTITIONS} partitions, refined {refined}"
            rows.append(_row(name, found, "", f"{found['anonymous_mb']:.0f}"))
    return Table(
        title="Beyond one function",
        how=f"{QUERIES} queries ({QUERIES_OF_STORE} of LanceDB) for {COUNT} photos, warm, on one core; of all, then "
        "of one year of ten. Times: median (quartiles) / 99th percentile by the clock; processor time in the mean.",
        header=("index", "MB", "anonymous MB", *("recall", "ms", "processor ms") * 2),
        rows=rows,
    )


def _row(name: str, found: dict[str, Any], size: str, memory: str) -> tuple[str, ...]:
    cells = []
    for kind in ("all", "filtered"):
        part = found[kind]
        cells += [f"{part['recall']:.3f}", f"{spread(part['ms'])} / {np.percentile(part['ms'], 99):.1f}"]
        cells.append(f"{part['processor_ms']:.1f}")
    return (name, size, memory, *cells)


def main(arguments: list[str]) -> None:
    """Measure and print, or take one step."""
    if arguments[0] == "--step":
        if ONE_CORE in os.environ:
            os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(json.dumps(STEPS[arguments[1]](*arguments[2:])))
        return
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    print(measure(folder, arguments[1] if len(arguments) > 1 else None).to_markdown())
    print(measured_on())


if __name__ == "__main__":
    main(sys.argv[1:])
