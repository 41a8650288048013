"""Mutations of a published bundle: each is opened and asked in a child process, and nothing damaged answers wrongly.

`python -m tests.functional.handler.mutations 10000 [SEED]` runs that many and prints what became of them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from handler.bundle.manifest import BUNDLE_FILES, MANIFEST_FILE, SEGMENT_FILES
from handler.errors import BundleError, ThinlensError
from handler.settings import Settings
from handler.store.pointer import bundle_key
from tests.functional.handler.artefacts import BundleChoices, write_bundle
from tests.functional.handler.crowd import crowd
from tests.functional.handler.published import publish
from tests.functional.handler.questions import QUESTIONS
from tests.functional.handler.tampering import file_of, rehash, rewrite_manifest

SEGMENTS = 2
# Of every segment, which lie beside the bundle.
OF_SEGMENTS = tuple(f"{number}/{name}" for number in range(SEGMENTS) for name in SEGMENT_FILES)
FILES = (MANIFEST_FILE, *BUNDLE_FILES, *OF_SEGMENTS)
DECLARATIONS: tuple[dict[str, object], ...] = (
    {"counts/photos": 100_000_000},
    {"segments/0/photos": 300},
    {"segments/1/photos": 100_000_000},
    {"segments/0/encoder": "0" * 64},
    {"segments/1/captioner": "0" * 64},
    {"segments": []},
    {"encoder/dim": 1},
    {"encoder/space": "0" * 64},
    {"encoder/max_tokens": 8_192},
    {"views": ["caption"] * 64},
    {"index": "exact"},
    {"originals": "elsewhere"},
    {"previews": "some"},
    {"files/collection.bin/sha256": "../../etc/passwd"},
    {"segments/0/files/views.i8/sha256": "../../etc/passwd"},
    {"files": {"../outside": {"size_bytes": 1, "sha256": "0" * 64}}},
    {"format_version": 1},
    {"format_version": 3},
    {"unknown": []},
)
PHOTOS = crowd(300)
"""So many that the files of a segment have several blocks."""
REFUSED, READ = "refused", "read: refused or as it was written"
"""How a mutation may end: the bundle isn't opened, or what is asked of it is answered as if nothing had happened."""
BATCH = 500
LIMIT_S_PER_MUTATION = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is mutated: a bundle in a store, and another in a folder of its own from which parts may come."""

    store: Path
    bundle: Path
    other: Path
    random: random.Random

    def file(self) -> Path:
        return self.place(self.random.choice(FILES))

    def place(self, name: str) -> Path:
        return file_of(self.bundle, name, self.store)


def flip_bits(target: Target) -> None:
    path = target.file()
    data = bytearray(path.read_bytes())
    for place in target.random.sample(range(8 * len(data)), target.random.choice((1, 1, 1, 2, 8, 64))):
        data[place // 8] ^= 1 << place % 8
    path.write_bytes(data)


def truncate(target: Target) -> None:
    path = target.file()
    os.truncate(path, target.random.randrange(path.stat().st_size))


def lengthen(target: Target) -> None:
    path = target.file()
    os.truncate(path, path.stat().st_size + target.random.choice((1, 8, 4096, 1 << 20, 1 << 40)))


def erase_a_range(target: Target) -> None:
    """Write over a range with something else than stands there, as a lost block of a disk does."""
    path = target.file()
    data = bytearray(path.read_bytes())
    start = target.random.randrange(len(data))
    end = min(len(data), start + target.random.choice((1, 16, 512, 4096)))
    kept = bytes(data[start:end])
    data[start:end] = bytes(end - start) if any(kept) else b"\xff" * (end - start)
    path.write_bytes(data)


def swap_files(target: Target) -> None:
    first, second = map(target.place, target.random.sample(FILES, 2))
    first.rename(first.with_suffix(".swap"))
    second.rename(first)
    first.with_suffix(".swap").rename(second)


def remove_a_file(target: Target) -> None:
    target.file().unlink()


def rename_a_file(target: Target) -> None:
    path = target.file()
    path.rename(path.with_name(target.random.choice((path.name.upper(), f"{path.name} ", f".{path.name}", "a\nb"))))


def add_a_file(target: Target) -> None:
    name = target.random.choice((".DS_Store", "views.i8.tmp", "encoder.onnx.data", "\udcff", "x" * 255))
    (target.file().parent / name).write_bytes(b"")


def replace_by_another_kind(target: Target) -> None:
    path = target.file()
    path.unlink()
    how = target.random.randrange(4)
    if how == 0:
        path.mkdir()
    elif how == 1:
        path.symlink_to(target.other / MANIFEST_FILE)
    elif how == 2:
        path.symlink_to(path)
    else:
        path.write_bytes(b"")


def replace_a_segment_by_another_kind(target: Target) -> None:
    segment = target.place(target.random.choice(OF_SEGMENTS)).parent
    how = target.random.randrange(4)
    if how == 0:
        shutil.rmtree(segment)
    elif how == 1:
        segment.rename(segment.with_name("elsewhere"))
        segment.symlink_to(segment.with_name("elsewhere"), target_is_directory=True)
    elif how == 2:
        shutil.rmtree(segment)
        segment.write_bytes(b"")
    else:
        shutil.rmtree(segment)
        shutil.copytree(file_of(target.other, OF_SEGMENTS[0]).parent, segment)


def take_a_part_of_another_bundle(target: Target) -> None:
    name = target.random.choice((MANIFEST_FILE, "collection.bin", *OF_SEGMENTS))
    shutil.copyfile(file_of(target.other, name), target.place(name))
    if name != MANIFEST_FILE and target.random.random() < 0.5:
        rehash(target.bundle, target.store)  # by somebody who wants it to pass; the pointer knows the manifest's hash


def declare_a_size(target: Target) -> None:
    number, _, file = target.random.choice((*BUNDLE_FILES, *OF_SEGMENTS)).rpartition("/")
    size = target.random.choice((0, 1, -1, 1 << 31, 1 << 35, 1 << 36, 1 << 63, 1 << 200, 1.5, "1", None))
    of_segment = f"segments/{number}/" if number else ""
    rewrite_manifest(target.bundle, {f"{of_segment}files/{file}/size_bytes": size})


def declare_something_else(target: Target) -> None:
    rewrite_manifest(target.bundle, target.random.choice(DECLARATIONS))


MUTATIONS: tuple[Callable[[Target], None], ...] = (
    *(flip_bits, flip_bits, flip_bits, truncate, truncate, lengthen, erase_a_range, erase_a_range),
    *(swap_files, remove_a_file, rename_a_file, add_a_file, replace_by_another_kind, replace_a_segment_by_another_kind),
    *(take_a_part_of_another_bundle, declare_a_size, declare_something_else),
)


def run(count: int, seed: int = 0) -> Counter[str]:
    """Run mutations in child processes; gives how many ended how: REFUSED, READ, or what should not have happened."""
    outcomes: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="thinlens-mutations-") as folder:
        for first in range(0, count, BATCH):
            batch = range(first, min(first + BATCH, count))
            begun = batch.start
            while begun < batch.stop:  # a child that crashes is succeeded by another, after the mutation that it met
                arguments = [folder, str(seed), str(begun), str(batch.stop)]
                child = subprocess.run(
                    [sys.executable, "-m", "tests.functional.handler.mutations", "--child", *arguments],
                    capture_output=True,
                    text=True,
                    timeout=60 + LIMIT_S_PER_MUTATION * len(batch),
                    check=False,
                )
                lines = [json.loads(line) for line in child.stdout.splitlines()]
                outcomes.update(line["outcome"] for line in lines)
                begun += len(lines)
                if begun < batch.stop:
                    outcomes[f"crashed with {child.returncode} at {begun}: {child.stderr[-200:]}"] += 1
                    begun += 1
    return outcomes


def _child(folder: Path, seed: int, numbers: range) -> Iterator[str]:
    from handler.bundle.bundle import Bundle
    from handler.search.searcher import Searcher
    from handler.store.store import deliver, open_store

    here = Path(tempfile.mkdtemp(dir=folder))
    other = write_bundle(here / "other", PHOTOS[:30], BundleChoices(weights=(1.0, 2.0), segments=SEGMENTS))
    whole = here / "whole"
    published = publish(whole, write_bundle(here / "bundle", PHOTOS, BundleChoices(segments=SEGMENTS)))
    settings = Settings(bundle=str(here / "store"))
    sound = Searcher(Bundle.receive(deliver(open_store(Settings(bundle=str(whole)), {}))))
    expected = [question(sound) for question in QUESTIONS]
    for number in numbers:
        shutil.rmtree(here / "store", ignore_errors=True)
        shutil.copytree(whole, here / "store")
        chooser = random.Random(f"{seed} {number}")
        mutation = chooser.choice(MUTATIONS)
        store = here / "store"
        mutation(Target(store=store, bundle=store / bundle_key(published), other=other, random=chooser))
        try:
            yield _ask(settings, expected)
        except Exception as error:  # noqa: BLE001 - counted as a failure of the handler
            yield f"{mutation.__name__} at {number}: {type(error).__name__}: {error}"
    shutil.rmtree(here)


def _ask(settings: Settings, expected: Sequence[object]) -> str:
    """How it ends to open a bundle and to ask all questions; raises what should not be raised."""
    from handler.bundle.bundle import Bundle
    from handler.search.searcher import Searcher
    from handler.store.store import deliver, open_store

    try:
        searcher = Searcher(Bundle.receive(deliver(open_store(settings, {}))))
    except ThinlensError:
        return REFUSED
    for number, (question, right) in enumerate(zip(QUESTIONS, expected, strict=True)):
        with suppress(BundleError):
            if question(searcher) != right:
                raise ValueError(f"question {number} is answered wrongly")
    return READ


def main(arguments: list[str]) -> int:
    if arguments[0] == "--child":
        folder, seed, first, end = arguments[1:]
        for outcome in _child(Path(folder), int(seed), range(int(first), int(end))):
            print(json.dumps({"outcome": outcome}), flush=True)  # noqa: T201
        return 0
    outcomes = run(int(arguments[0]), int(arguments[1]) if len(arguments) > 1 else 0)
    for outcome, number in outcomes.most_common():
        print(f"{number:7} {outcome}")  # noqa: T201
    return 0 if set(outcomes) <= {REFUSED, READ} else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
