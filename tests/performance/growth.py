"""Growth: what the first bundle of many photos costs, and what ten more photos cost after it.

The library is synthetic: vectors and fingerprints around a few thousand centres, captions of a small vocabulary. So
what is measured is everything after the photos are understood: segments, near-duplicates, calibration, golden queries.

`python -m tests.performance.growth --update OUT` is what each measured process runs.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.bundles.bundling import update_bundle
from export.library.library import Library
from export.library.records import ContentUnderstanding, KnownPhoto
from export.models.model_set import Models, shipped_models
from export.pictures.facts import PhotoFacts
from export.progress import Progress
from export.publishing.uploads import bundle_uploads
from export.storage.object_store import Upload
from handler.bundle.encoder_files import EncoderConfiguration
from handler.store.folder_store import open_bundle
from tests.performance.report import Table

SEED = 13
CENTRES = 4_000
CAPTIONS = 5_000
NEW = 10
_PHOTOS_AT_ONCE = 10_000
_SAMPLE_EVERY_S = 0.02
_WORDS = "a dog cat child man woman runs sits plays looks on in near under the beach grass street house snow".split()


def measure(folder: Path, *, photos: int) -> Table:
    """Make the first bundle of so many photos, then add NEW, then none; each in a process of its own."""
    out = folder / str(photos)
    models = shipped_models()
    with Library.open(out) as library:
        _fill(library, models, range(photos))
    rows = [_row("the first bundle", _update(out), _bytes_below(out, since=()))]
    before = _segment_files(out)
    with Library.open(out) as library:
        _fill(library, models, range(photos, photos + NEW))
    rows.append(_row(f"{NEW} photos more", _update(out), _bytes_below(out, since=before)))
    rows.append(_row("nothing new", _update(out), 0))
    return Table(
        title=f"Growth of a bundle of {photos:,} photos",
        how="A process brings the bundle up to date with a library in which all is understood. Anonymous memory is "
        "what the kernel can't take back; the resident one has mapped files too. New bytes are those of files that "
        "the bundle from before hasn't.",
        header=("what", "seconds", "of the processor", "anonymous MB", "resident MB", "new MB"),
        rows=rows,
    )


def _row(what: str, spent: dict[str, float], new_bytes: int) -> tuple[str, ...]:
    return (
        what,
        f"{spent['seconds']:.1f}",
        f"{spent['processor_s']:.1f}",
        f"{spent['anonymous_mb']:,.0f}",
        f"{spent['resident_mb']:,.0f}",
        f"{new_bytes / 1e6:,.2f}",
    )


def _update(out: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "tests.performance.growth", "--update", str(out)]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def _segment_files(out: Path) -> tuple[str, ...]:
    return tuple(upload.sha256 or "" for upload in _uploads(out))


def _bytes_below(out: Path, since: tuple[str, ...]) -> int:
    known = set(since)
    return sum(upload.size_bytes for upload in _uploads(out) if upload.sha256 not in known)


def _uploads(out: Path) -> list[Upload]:
    bundle = open_bundle(out / "bundle")
    return bundle_uploads(bundle, out / "bundle")


def _fill(library: Library, models: Models, numbers: range) -> None:
    """Let the library know photos as if they had been read and understood."""
    dim = EncoderConfiguration.read(models.encoder / "encoder.json").dim
    centres = _unit(np.random.default_rng(SEED).standard_normal((CENTRES, dim), dtype=np.float32))
    marks = np.random.default_rng(SEED + 1).integers(0, 1 << 63, (CENTRES, 2), dtype=np.uint64)
    captions = _captions()
    if numbers.start == 0:
        library.text_vectors.put(captions, centres[np.arange(CAPTIONS) % CENTRES], encoder=models.encoder_identity)
    for start in range(numbers.start, numbers.stop, _PHOTOS_AT_ONCE):
        part = range(start, min(start + _PHOTOS_AT_ONCE, numbers.stop))
        random = np.random.default_rng((SEED, start))
        chosen = random.integers(0, CENTRES, len(part))
        noise = random.standard_normal((len(part), dim), dtype=np.float32) / np.float32(dim**0.5)
        vectors = _unit(centres[chosen] + noise)
        understood = [
            ContentUnderstanding(
                content=_content(number),
                facts=_facts(number, fingerprint),
                captions=dict.fromkeys(models.captioner.instructions, captions[int(random.integers(CAPTIONS))]),
                view=vector,
            )
            for number, vector, fingerprint in zip(part, vectors, _fingerprints(marks[chosen], random), strict=True)
        ]
        library.understandings.put(understood, models.understander)
        library.photos.put(
            KnownPhoto(id=f"{number // 1_000:05}/{number:08}.jpg", size_bytes=1, stamp=1, content=_content(number))
            for number in part
        )


def _captions() -> list[str]:
    random = np.random.default_rng(SEED + 2)
    return [f"{' '.join(random.choice(_WORDS, size=8))} {number}" for number in range(CAPTIONS)]


def _content(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def _facts(number: int, fingerprint: str) -> PhotoFacts:
    return PhotoFacts(
        width=4_000 + number % 50,
        height=3_000,
        type="jpeg",
        taken=f"{2015 + number % 10}-06-15T12:00:00",
        placeholder="808080" * 12,
        fingerprint=fingerprint,
    )


def _fingerprints(marks: NDArray[np.uint64], random: np.random.Generator) -> Iterator[str]:
    """Of photos around marks, uint64 [n, 2]: some bits of each are flipped, of few so few that they are copies."""
    bits = np.unpackbits(marks.view(np.uint8), axis=1)
    share = random.choice([0.04, 0.2, 0.3], size=len(marks), p=[0.1, 0.4, 0.5])
    flipped = bits ^ (random.random(bits.shape) < share[:, np.newaxis])
    return (row.tobytes().hex() for row in np.packbits(flipped, axis=1))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    unit: NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


class _AnonymousMemory:
    """The most anonymous memory that this process had, sampled by a thread."""

    def __init__(self) -> None:
        self.peak_mb = 0.0
        threading.Thread(target=self._sample, daemon=True).start()

    def _sample(self) -> None:
        while True:
            lines = Path("/proc/self/status").read_text().splitlines()
            self.peak_mb = max(self.peak_mb, *(int(line.split()[1]) / 1e3 for line in lines if "RssAnon" in line))
            time.sleep(_SAMPLE_EVERY_S)


def _child(out: Path) -> None:
    memory, started = _AnonymousMemory(), time.perf_counter()
    with Library.open(out) as library:
        update_bundle(library, out, shipped_models(), Progress())
    spent = {
        "seconds": time.perf_counter() - started,
        "processor_s": time.process_time(),
        "anonymous_mb": memory.peak_mb,
        "resident_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    print(json.dumps(spent))


if __name__ == "__main__":
    _child(Path(sys.argv[2]))
