"""With many machines: the same photos make the same segments, and each run does what is new alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from export.cluster.cluster_indexing import ClusterChoices, ClusterReport
from export.cluster.ray_engine import RayEngine
from export.errors import ColumnsError, LibraryError, OutputError, PhotosError
from export.gallery.indexing import index_photos
from export.library.library import Library
from export.publishing.pruning import prune
from export.storage.folder_objects import FolderObjects
from export.understanding.text.text_backlog import TextsRead
from handler.bundle.photos.addresses import thumbnail
from tests.functional.export.cluster.clusters import (
    PHOTOS,
    READERS,
    index_alone,
    index_here,
    segment_ids,
    served_records,
    shards,
    strict_models,
    understood,
)
from tests.functional.export.galleries import COLOURS, FakeTextSource, records, write_photo, write_photos

OTHERS = {"library/notes.txt": b"mine", "mine.parquet": b"mine", "library/0123.parquet": b"mine", "a/b.jpg": b"mine"}


@pytest.fixture(scope="module")
def base(ray: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, some that can't be read, a table of columns, and a store that holds files of others."""
    base = tmp_path_factory.mktemp("cluster")
    write_photos(base / "photos", PHOTOS)
    (base / "photos/broken.jpg").write_bytes(b"no photo")
    (base / "photos/empty.jpg").write_bytes(b"")
    (base / "photos/columns.csv").write_text("id,place\neven/0000 red.jpg,Paris\nnobody.jpg,Rome\n")
    for name, data in OTHERS.items():
        (base / "store" / name).parent.mkdir(parents=True, exist_ok=True)
        (base / "store" / name).write_bytes(data)
    return base


@pytest.fixture(scope="module")
def indexed(base: Path) -> ClusterReport:
    """What the first run said."""
    return index_here(base)


def test_the_same_photos_make_the_same_segments(base: Path, indexed: ClusterReport) -> None:
    alone = index_alone(base)
    assert served_records(base / "store") == alone
    assert alone["even/0000 red.jpg"].columns == {"place": "Paris"}
    assert segment_ids(base / "store") == segment_ids(base / "alone-store")
    for record in alone.values():
        picture = thumbnail(record.content)
        assert (base / "store" / picture).read_bytes() == (base / "alone" / picture).read_bytes()
    with Library.open_to_read(base / "alone") as library:
        failures = tuple(library.failures.all())
    assert {failure.path for failure in failures} == {"broken.jpg", "empty.jpg"}
    assert replace(indexed.index, bundle="") == type(indexed.index)(
        bundle="", photos=PHOTOS, read=PHOTOS, forgotten=0, failures=failures, strangers=("nobody.jpg",)
    )


def test_a_run_with_nothing_new_reads_and_sends_nothing(base: Path, indexed: ClusterReport) -> None:
    again = index_here(base)
    assert (again.index.read, again.publication.sent_bytes) == (0, 0)
    assert again.publication.bundle == again.publication.replaced == indexed.publication.bundle
    assert again.index.failures == indexed.index.failures
    assert sum(len(shard.photos) for shard in shards(base)) == PHOTOS + 2


def test_ray_reads_for_an_output_folder_too(base: Path, indexed: ClusterReport) -> None:
    before = understood(base)
    engine = RayEngine(address=None, readers=READERS)
    report = index_photos(base / "photos", base / "out", models=strict_models(base), engine=engine)
    assert (report.photos, report.read, report.failures) == (PHOTOS, PHOTOS, indexed.index.failures)
    assert understood(base) == before + PHOTOS
    assert sorted(path.name for path in (base / "out/bundle/segments").iterdir()) == segment_ids(base / "store")
    signs = {colour: (colour.upper(),) for colour in COLOURS}
    reader = FakeTextSource(log=base / "text.log", signs=signs)
    report = index_photos(base / "photos", base / "out", models=strict_models(base), text_reader=reader, engine=engine)
    assert report.texts == TextsRead(read=PHOTOS, with_text=PHOTOS, failed=())
    assert understood(base) == before + PHOTOS
    for photo_id, record in records(base / "out").items():
        assert record.text == (photo_id.split()[1].removesuffix(".jpg").upper(),)


def test_many_photos_that_are_gone_at_once_stay_until_they_are_let_go(base: Path, indexed: ClusterReport) -> None:
    (base / "photos/even").rename(base / "even")
    stays = index_here(base)
    assert (stays.index.photos, stays.index.forgotten, len(stays.index.missing)) == (PHOTOS, 0, PHOTOS // 2)
    (base / "even").rename(base / "photos/even")
    left_out = index_here(base, ClusterChoices(readers=READERS, exclude=["even"]))
    assert (left_out.index.photos, left_out.index.forgotten) == (PHOTOS // 2, PHOTOS // 2)
    back = index_here(base)
    assert (back.index.photos, back.index.read) == (PHOTOS, 0)


def test_photos_of_elsewhere_are_not_taken_for_those_of_before(base: Path, indexed: ClusterReport) -> None:
    write_photo(base / "few/white.jpg", "white")
    with pytest.raises(PhotosError, match=r"photos were indexed here, and 26 of them aren't in .*few; choose another"):
        index_here(base, photos="few")
    assert len(served_records(base / "store")) == PHOTOS


def test_a_table_of_columns_that_is_none_is_named(base: Path, indexed: ClusterReport) -> None:
    table = base / "photos/columns.json"
    table.write_text("[]")
    with pytest.raises(ColumnsError, match=r"holds both columns.csv and columns.json; remove one"):
        index_here(base)
    (base / "photos/columns.csv").rename(base / "columns.csv")
    with pytest.raises(ColumnsError, match=r"photos/columns.json can't be used as a table of columns: found a list"):
        index_here(base)
    table.unlink()
    index_here(base, ClusterChoices(readers=READERS, columns=base / "columns.csv"))
    assert served_records(base / "store")["even/0000 red.jpg"].columns == {"place": "Paris"}
    (base / "columns.csv").rename(base / "photos/columns.csv")


def test_another_instruction_is_asked_and_the_first_is_kept(base: Path, indexed: ClusterReport) -> None:
    before = understood(base)
    models = strict_models(base)
    asked = replace(models, captioner=models.captioner.asking(("Is it dark?",)), calibration=None)
    other = index_here(base, ClusterChoices(readers=READERS, force=True), models=asked)
    assert (other.index.read, understood(base)) == (PHOTOS, before + PHOTOS)
    assert index_here(base).index.read == 0


def test_what_is_others_stays(base: Path, indexed: ClusterReport) -> None:
    library = {path: path.read_bytes() for path in (base / "store/library").iterdir()}
    prune(FolderObjects(base / "store"), keep=1)
    assert {name: (base / "store" / name).read_bytes() for name in OTHERS} == OTHERS
    assert {path: path.read_bytes() for path in (base / "store/library").iterdir()} == library
    assert len(served_records(base / "store")) == PHOTOS


def test_a_file_of_others_in_the_place_of_ours_is_named(base: Path) -> None:
    (base / "taken/library").mkdir(parents=True)
    (base / "taken/library/photos.parquet").write_bytes(b"mine")
    with pytest.raises(LibraryError, match=r"library/photos.parquet is damaged, or no file of Thinlens"):
        index_here(base, store="taken")
    assert (base / "taken/library/photos.parquet").read_bytes() == b"mine"


def test_what_is_new_changed_moved_or_gone(ray: None, tmp_path: Path) -> None:
    """Into a store that lies among the photos, with a library that is kept: what is new is read and sent alone."""
    write_photos(tmp_path / "photos", PHOTOS)
    choices = ClusterChoices(readers=READERS, work=tmp_path / "work")
    store = tmp_path / "photos/store"
    bundle = index_here(tmp_path, choices, store="photos/store").publication.bundle
    before = served_records(store)
    library = {path: path.read_bytes() for path in (store / "library").glob("*.parquet")}
    assert index_here(tmp_path, choices, store="photos/store").publication.replaced == bundle
    assert {path: path.read_bytes() for path in (store / "library").glob("*.parquet")} == library
    (first,) = segment_ids(store)
    photos = tmp_path / "photos"
    new, changed, moved, gone, bare = "new red.jpg", *list(before)[:4]
    write_photo(photos / new, "red", seed=100)
    write_photo(photos / changed, "blue", seed=101)
    (photos / moved).rename(photos / "elsewhere.jpg")
    (photos / gone).unlink()
    (store / thumbnail(before[bare].content)).unlink()
    report = index_here(tmp_path, choices, store="photos/store")
    assert (report.index.photos, report.index.forgotten, report.index.missing) == (PHOTOS, 2, ())
    found = served_records(store)
    assert found.keys() == before.keys() - {moved, gone} | {new, "elsewhere.jpg"}
    assert found["elsewhere.jpg"].content == before[moved].content
    assert found[changed].captions != before[changed].captions
    assert (store / thumbnail(before[bare].content)).is_file()
    assert report.index.read == understood(tmp_path) - PHOTOS + 1, "one had its thumbnail made again, and no more"
    assert segment_ids(store)[0] == first, "only what is new is sent"
    store.rename(tmp_path / "store")
    assert found == index_alone(tmp_path)
    with pytest.raises(OutputError, match=r"work is the library of .*store; choose another --work"):
        index_here(tmp_path, choices)
    with pytest.raises(OutputError, match=r"photos holds the photos; choose another --out, such as .*photos/library"):
        index_here(tmp_path, choices, store="photos")
