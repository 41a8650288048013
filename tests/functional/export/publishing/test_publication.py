"""Publishing into a folder: what goes into the store, what is refused, and what a reader finds."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from export.bundles.bundling import CURRENT
from export.errors import LibraryError, PublishingError, QualityError, StoreError
from export.library.library import Library
from export.publishing.pruning import prune
from export.publishing.signing import SigningKey
from export.publishing.staged_bundle import Choices
from export.storage.folder_objects import FolderObjects
from handler.bundle.bundle import Bundle
from handler.bundle.encoder_files import ENCODER_FILES
from handler.bundle.manifest import BUNDLE_FILES, SEGMENT_FILES, Golden
from handler.errors import BundleError
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle
from handler.store.pointer import Pointer
from handler.web.routes import hashed_widget
from tests.functional.export.galleries import write_photo
from tests.functional.export.stores import (
    STRICT,
    index_colours,
    publish_quietly,
    receive,
    serve,
    write_other_out,
    write_out,
)
from tests.functional.handler.artefacts import PHOTOS

MODULE = Path(__file__).parents[4] / "handler/widget/thinlens-search.js"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write_out(tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def store(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "store")


def pointer_of(store: FolderObjects) -> Pointer:
    return Pointer.parse((store.folder / "current.json").read_bytes())


def published(store: FolderObjects) -> Bundle:
    return receive({"THINLENS_BUNDLE": str(store.folder)})


def test_a_bundle_comes_into_service(out: Path, store: FolderObjects) -> None:
    done = publish_quietly(out, store)
    assert (done.photos, done.replaced) == (len(PHOTOS), None)
    assert all(check.passed for check in done.checks)
    pointer = pointer_of(store)
    assert (pointer.bundle, pointer.previous) == (done.bundle, None)
    bundle = published(store)
    assert bundle.id == done.bundle
    (segment,) = bundle.manifest.segments
    contents = [bundle.photos.record(number).content for number in range(len(PHOTOS))]
    assert {found.key for found in store.objects("")} == {
        "current.json",
        *(f"bundles/{bundle.id}/{name}" for name in ("manifest.json", *BUNDLE_FILES)),
        *(f"segments/{segment.id}/{name}" for name in SEGMENT_FILES),
        *(f"thumbnails/{content[:2]}/{content}.jpg" for content in contents),
        hashed_widget(MODULE.read_bytes()).lstrip("/"),
    }
    assert done.sent_bytes == sum(found.size_bytes for found in store.objects("") if found.key != "current.json")


def test_builds_of_the_widget_stay(out: Path, store: FolderObjects) -> None:
    earlier = store.folder / hashed_widget(b"an earlier build")[1:]
    earlier.parent.mkdir(parents=True)
    earlier.write_bytes(b"an earlier build")
    os.utime(earlier, (0, 0))
    publish_quietly(out, store)
    assert prune(store, keep=1).size_bytes == 0
    assert earlier.read_bytes() == b"an earlier build"
    newest = store.folder / hashed_widget(MODULE.read_bytes())[1:]
    assert newest.read_bytes() == MODULE.read_bytes()


def test_the_published_form_differs_in_nothing_but_the_photos_addresses(out: Path, store: FolderObjects) -> None:
    publish_quietly(out, store)
    indexed, bundle = open_bundle(out / CURRENT), published(store)
    assert (indexed.manifest.originals, bundle.manifest.originals) == ("id", "none")
    assert replace(bundle.manifest, originals="id") == indexed.manifest
    answers = [Searcher(opened, media_url="/m/").search("a dog in a park") for opened in (indexed, bundle)]
    for answer in answers:
        for result in answer["results"]:
            assert result["thumbnail_url"].startswith("/m/thumbnails/")
            result["url"] = ""
        answer["took_ms"], answer["bundle"] = 0.0, ""
    assert answers[0] == answers[1]
    # The photos aren't published, so that their addresses lead to what is.
    (found,) = Searcher(bundle, media_url="/m/").search("a dog runs in the park", k=1)["results"]
    assert found["url"] == found["thumbnail_url"]


def test_what_is_there_is_not_sent_again(out: Path, store: FolderObjects, tmp_path: Path) -> None:
    first = publish_quietly(out, store)
    written = {found.key: found.modified_s for found in store.objects("")}
    again = publish_quietly(out, store)
    assert (again.bundle, again.sent_bytes, again.replaced) == (first.bundle, 0, first.bundle)
    assert {found.key: found.modified_s for found in store.objects("")} == written
    write_other_out(tmp_path / "other", 1)
    other = publish_quietly(tmp_path / "other", store)
    assert other.replaced == first.bundle
    written_since = {found.key: found.size_bytes for found in store.objects("") if found.key not in written}
    assert sum(key.startswith("thumbnails/") for key in written_since) == 1
    assert sum(key.startswith("segments/") for key in written_since) == len(SEGMENT_FILES)
    # The encoder is that of the bundle in service, and is copied.
    encoder = sum(written_since[f"bundles/{other.bundle}/{name}"] for name in ENCODER_FILES)
    assert other.sent_bytes == sum(written_since.values()) - encoder


def test_an_object_of_another_content_is_sent_again(out: Path, store: FolderObjects) -> None:
    bundle = publish_quietly(out, store).bundle
    damaged = store.folder / "bundles" / bundle / "collection.bin"
    size = damaged.stat().st_size
    damaged.write_bytes(bytes(size))
    with pytest.raises(BundleError):
        serve({"THINLENS_BUNDLE": str(store.folder)})
    assert publish_quietly(out, store).sent_bytes == size
    assert serve({"THINLENS_BUNDLE": str(store.folder)}) == bundle


def test_originals_go_along(tmp_path: Path, store: FolderObjects) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    red = write_photo(photos / "walls/My Red.JPG", "red")
    index_colours(photos, out)
    publish_quietly(out, store, Choices(originals=True))
    (result,) = Searcher(published(store)).search("red", min_relevance=0)["results"]
    assert result["url"].startswith("photos/")
    assert result["url"].endswith(".jpg")
    assert (store.folder / result["url"]).read_bytes() == red.read_bytes()
    assert (store.folder / result["thumbnail_url"]).read_bytes() == (out / result["thumbnail_url"]).read_bytes()


def test_an_original_that_has_changed_since_stops_publishing(tmp_path: Path, store: FolderObjects) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    red = write_photo(photos / "red.jpg", "red")
    index_colours(photos, out)
    red.write_bytes(red.read_bytes() + b" ")
    with pytest.raises(PublishingError, match="red.jpg isn't what it was when it was indexed: index again"):
        publish_quietly(out, store, Choices(originals=True))
    red.unlink()
    with pytest.raises(PublishingError, match="red.jpg can't be read: No such file"):
        publish_quietly(out, store, Choices(originals=True))
    assert store.read("current.json", max_bytes=100) is None


def test_a_missing_thumbnail_stops_publishing(out: Path, store: FolderObjects) -> None:
    next(path for path in (out / "thumbnails").rglob("*") if path.is_file()).unlink()
    with pytest.raises(PublishingError, match=r"the thumbnail .* is missing: index again"):
        publish_quietly(out, store)
    assert store.objects("") == []


def test_without_a_bundle_there_is_nothing_to_publish(tmp_path: Path, store: FolderObjects) -> None:
    with pytest.raises(PublishingError, match="none holds no bundle; make one with: thinlens index PHOTOS --out"):
        publish_quietly(tmp_path / "none", store)
    assert not (tmp_path / "none").exists()


def test_the_output_folder_is_no_store(out: Path) -> None:
    with pytest.raises(PublishingError, match="is the output folder itself"):
        publish_quietly(out, FolderObjects(out / ".." / "out"))


def test_a_run_that_is_indexing_is_not_disturbed(out: Path, store: FolderObjects) -> None:
    with Library.open(out), pytest.raises(LibraryError, match="in use by another thinlens run"):
        publish_quietly(out, store)


def test_a_damaged_bundle_is_not_published(out: Path, store: FolderObjects) -> None:
    (catalogue,) = (out / CURRENT / "segments").glob("*/catalogue.bin")
    catalogue.write_bytes(catalogue.read_bytes()[:-1])
    with pytest.raises(BundleError, match=r"catalogue.bin is truncated"):
        publish_quietly(out, store)
    assert store.objects("") == []


def test_a_bundle_that_falls_short_is_refused_or_marked(tmp_path: Path, store: FolderObjects) -> None:
    good = write_out(tmp_path / "out")
    good = publish_quietly(tmp_path / "out", store).bundle
    wrong = Golden(query="a dog runs in the park", ids=("sea/boat.webp",))
    write_out(tmp_path / "out", choices=replace(STRICT, golden=(wrong,)))
    with pytest.raises(QualityError, match=r"0 of 1 golden queries answered as they were \(expected all\).*--force"):
        publish_quietly(tmp_path / "out", store)
    assert pointer_of(store).bundle == good
    forced = publish_quietly(tmp_path / "out", store, Choices(force=True))
    assert pointer_of(store) == Pointer(bundle=forced.bundle, published=pointer_of(store).published, previous=good)
    assert published(store).manifest.provenance.forced == ("golden",)
    assert serve({"THINLENS_BUNDLE": str(store.folder)}) == forced.bundle


def test_force_marks_nothing_that_passes(out: Path, store: FolderObjects) -> None:
    publish_quietly(out, store, Choices(force=True))
    assert published(store).manifest.provenance.forced == ()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    made = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(path)], check=False)
    if made.returncode != 0:
        pytest.skip("this openssl makes no Ed25519 keys")
    return path


def test_the_function_accepts_what_its_publisher_signed_and_nothing_else(
    out: Path, store: FolderObjects, key_file: Path, tmp_path: Path
) -> None:
    key = SigningKey.read(key_file)
    environment = {"THINLENS_BUNDLE": str(store.folder), "THINLENS_PUBLIC_KEY": key.public_key}
    unsigned = publish_quietly(out, store).bundle
    with pytest.raises(BundleError, match=r"manifest\.sig"):
        serve(environment)
    signed = publish_quietly(out, store, Choices(key=key))
    assert (signed.bundle, signed.sent_bytes) == (unsigned, 64)
    assert serve(environment) == unsigned
    assert serve({"THINLENS_BUNDLE": str(store.folder)}) == unsigned
    other = SigningKey(Ed25519PrivateKey.generate())
    write_other_out(tmp_path / "other", 1)
    publish_quietly(tmp_path / "other", store, Choices(key=other))
    with pytest.raises(BundleError, match="signature"):
        serve(environment)


def test_the_public_key_is_that_of_openssl(key_file: Path) -> None:
    command = ["openssl", "pkey", "-in", str(key_file), "-pubout", "-outform", "DER"]
    told = subprocess.run(command, capture_output=True, check=True).stdout
    assert base64.b64decode(SigningKey.read(key_file).public_key) == told[-32:]


def test_keys_that_cannot_sign(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    expected = "expected an Ed25519 key without a password, as 'openssl genpkey -algorithm ed25519' writes it"
    with pytest.raises(PublishingError, match=f"key.pem can't be read: No such file or directory; {expected}"):
        SigningKey.read(path)
    path.write_text("not a key")
    with pytest.raises(PublishingError, match=f"key.pem can't be used: .*; {expected}"):
        SigningKey.read(path)
    of_another_kind = rsa.generate_private_key(65537, 2048)
    path.write_bytes(of_another_kind.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(PublishingError, match=f"key.pem holds a key of another kind; {expected}"):
        SigningKey.read(path)
    locked = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    )
    path.write_bytes(locked)
    with pytest.raises(PublishingError, match=f"key.pem can't be used: .*; {expected}"):
        SigningKey.read(path)


def test_a_damaged_pointer_is_left_as_it_is(out: Path, store: FolderObjects) -> None:
    store.folder.mkdir()
    pointer = store.folder / "current.json"
    pointer.write_text(json.dumps({"format_version": 2}))
    with pytest.raises(
        StoreError, match=r"store: Unknown format_version 2 \(expected 1\) in current.json; if no newer"
    ):
        publish_quietly(out, store)
    assert json.loads(pointer.read_text()) == {"format_version": 2}
