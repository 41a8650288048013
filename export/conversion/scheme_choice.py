"""The choice of a scheme of bits: each is written, checked and measured, and the smallest that is good enough is taken.

It knows encoders in folders and texts. Good enough is said by neighbours: of the ten texts that come closest to a
query in float32, how many does it find among its ten, when queries are embedded alone and texts in batches, as they
are when they are served?
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from export.conversion.encoder_folder import FloatEncoder, write_encoder_folder
from export.conversion.quantisation import FLOAT32, SCHEMES, Scheme
from export.disk.model_files import SCHEME_FILE, refuse_foreign_encoder
from export.errors import DataError, ModelError
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.errors import in_words

LEAST_TEXTS = 100
_QUERIES = 200
_NEIGHBOURS = 10
_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeMeasured:
    """What a scheme of bits is worth.

    Attributes:
        scheme: Its name.
        size_bytes: Of all files.
        neighbours: Share of the ten nearest texts in float32 that are among its ten.
        took_ms: Median processor time of a query, on one thread, tokens included: others may be busy meanwhile.
        refused: Why it can't be used; empty where it can.
    """

    scheme: str
    size_bytes: int = 0
    neighbours: float = 0.0
    took_ms: float = 0.0
    refused: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemeChoice:
    """What was measured, in the order of SCHEMES, and the scheme that was taken."""

    chosen: str
    least_neighbours: float
    texts: int
    measured: tuple[SchemeMeasured, ...]


def read_texts(path: Path) -> list[str]:
    """The texts of a file, one a line, each once.

    Raises:
        DataError: It can't be read, or holds too few.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror}; expected UTF-8 text, one a line") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} can't be read: {in_words(error)}; expected UTF-8 text, one a line") from error
    texts = list(dict.fromkeys(line.strip() for line in lines if line.strip()))
    if len(texts) < LEAST_TEXTS:
        raise DataError(f"{path} holds {len(texts)} texts, expected at least {LEAST_TEXTS}, one a line")
    return texts


def choose_scheme(
    encoder: FloatEncoder,
    texts: Sequence[str],
    folder: Path,
    *,
    least_neighbours: float,
    schemes: Sequence[Scheme] = SCHEMES,
) -> SchemeChoice:
    """Write an encoder folder in the smallest scheme that finds enough neighbours, and the record of the choice.

    Args:
        encoder: What is written.
        texts: Like those that it will embed; LEAST_TEXTS or more.
        folder: Is made where it isn't there; gets SCHEME_FILE too.
        least_neighbours: Share of the neighbours in float32 that has to be found, 0 to 1.
        schemes: To choose from.

    Raises:
        ModelError: The graph disagrees with its source, or no scheme finds enough.
    """
    refuse_foreign_encoder(folder)
    with TemporaryDirectory() as scratch:
        write_encoder_folder(encoder, Path(scratch) / "source", scheme=FLOAT32)
        expected = Encoder.load(Path(scratch) / "source").encode(texts)
        measured = tuple(_measure(encoder, scheme, Path(scratch) / scheme.name, texts, expected) for scheme in schemes)
        good = [item for item in measured if not item.refused and item.neighbours >= least_neighbours]
        if not good:
            best = max(measured, key=lambda item: item.neighbours)
            raise ModelError(
                f"no scheme finds {least_neighbours:.1%} of the neighbours; the best, {best.scheme}, "
                f"finds {best.neighbours:.1%}: ask for less, or ship float32"
            )
        chosen = min(good, key=lambda item: item.size_bytes)
        folder.mkdir(parents=True, exist_ok=True)
        for name in ENCODER_FILES:
            shutil.copyfile(Path(scratch) / chosen.scheme / name, folder / name)
    choice = SchemeChoice(chosen=chosen.scheme, least_neighbours=least_neighbours, texts=len(texts), measured=measured)
    (folder / SCHEME_FILE).write_text(json.dumps(asdict(choice), indent=2) + "\n", encoding="utf-8")
    return choice


def _measure(
    encoder: FloatEncoder, scheme: Scheme, folder: Path, texts: Sequence[str], expected: NDArray[np.float32]
) -> SchemeMeasured:
    try:
        write_encoder_folder(encoder, folder, scheme=scheme)
    except ModelError as error:
        return SchemeMeasured(scheme=scheme.name, refused=str(error))
    served = Encoder.load(folder)
    rows = np.unique(np.linspace(0, len(texts) - 1, num=min(_QUERIES, len(texts)), dtype=np.int64))
    queries, took_ms = _embed_alone(served, [texts[row] for row in rows])
    wanted = _nearest(expected[rows], expected, rows)
    found = _nearest(queries, served.encode(texts), rows)
    hits = sum(len(set(near) & set(want)) for near, want in zip(found.tolist(), wanted.tolist(), strict=True))
    return SchemeMeasured(
        scheme=scheme.name,
        size_bytes=sum((folder / name).stat().st_size for name in ENCODER_FILES),
        neighbours=hits / wanted.size,
        took_ms=took_ms,
    )


def _embed_alone(encoder: Encoder, queries: Sequence[str]) -> tuple[NDArray[np.float32], float]:
    """Vectors of queries, each alone, and the median processor time in ms of one."""
    took_s = []
    for _ in range(_ROUNDS):
        vectors = []
        for query in queries:
            start = time.thread_time()
            vectors.append(encoder.encode([query])[0])
            took_s.append(time.thread_time() - start)
    return np.stack(vectors), 1e3 * float(np.median(took_s))


def _nearest(queries: NDArray[np.float32], texts: NDArray[np.float32], own: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of the nearest texts but a query's own: int64 [queries, 10]."""
    cosines = queries @ texts.T
    cosines[np.arange(len(own)), own] = -np.inf
    nearest: NDArray[np.int64] = np.argpartition(-cosines, _NEIGHBOURS, axis=1)[:, :_NEIGHBOURS]
    return nearest
