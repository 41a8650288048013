"""Property: whatever lies in a store and isn't ours, or isn't quite, is left byte for byte, in folders and in S3."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from export.disk.own_names import is_segment_file
from export.publishing import pruning
from export.publishing.pruning import LEFT_ALONE_S, prune
from export.publishing.versions import list_versions
from export.storage.bucket import Bucket
from export.storage.bucket_objects import BucketObjects
from export.storage.folder_objects import FolderObjects
from tests.functional.export.stores import publish_quietly, write_other_out

OURS = (
    f"thumbnails/ab/{'ab' * 32}.jpg",
    f"photos/ab/{'ab' * 32}.jpeg",
    f"photos/ab/{'ab' * 32}.jpg.partial",
    "bundles/0123456789abcdef/encoder.onnx",
    "bundles/0123456789abcdef/manifest.json",
    "segments/0123456789abcdef/views.i8",
    "segments/0123456789abcdef/codes.bin",
    "current.json",
    ".partial/0123456789abcdef",
)
"""Of the form that our names have; whether they are removed depends on more than their names."""

_FORMS = re.compile(
    r"(?:thumbnails|photos)/([0-9a-f]{2})/\1[0-9a-f]{62}\.[a-z0-9]+(?:\.partial)?|bundles/[0-9a-f]{16}/.*|current\.json"
    r"|segments/[0-9a-f]{16}/(?:views\.i8|codes\.bin|columns\.bin|catalogue\.bin|index\.usearch)"
    r"|\.partial/[0-9a-f]{16}(?:\.partial)?"
)


@st.composite
def foreign(draw: st.DrawFn) -> str:
    """A name that is ours but for one character, for its case or for a part; or anything else."""
    name = draw(st.sampled_from([*OURS, "photos/2019/beach.jpg", "diary.txt", "thumbnails/mine.jpg", "segments/x.jpg"]))
    place = draw(st.integers(0, len(name) - 1))
    letter = draw(st.sampled_from("abcdef0123456789gzAB._- ü%"))
    changed = draw(
        st.sampled_from(
            [name[:place] + letter + name[place:], name[:place] + name[place + 1 :], name.upper(), f"{name}/x"]
        )
    )
    assume(not _FORMS.fullmatch(changed))
    assume(all(part not in ("", ".", "..") for part in changed.split("/")))
    return changed


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> FolderObjects:
    """A store with three bundles."""
    folder = tmp_path_factory.mktemp("published")
    store = FolderObjects(folder / "store")
    for number in range(3):
        write_other_out(folder / f"out{number}", number)
        publish_quietly(folder / f"out{number}", store)
    return store


@settings(max_examples=15, deadline=None)
@given(names=st.sets(foreign(), min_size=1, max_size=5), keep=st.integers(1, 3))
def test_in_a_folder(
    published: FolderObjects, tmp_path_factory: pytest.TempPathFactory, names: set[str], keep: int
) -> None:
    copy = FolderObjects(tmp_path_factory.mktemp("store") / "copy")
    shutil.copytree(published.folder, copy.folder)
    mine = _write_all(copy.folder, names)
    for path in copy.folder.rglob("*"):
        os.utime(path, (0, time.time() - LEFT_ALONE_S - 60))
    (copy.folder / "current.json").touch()  # what was put in service later than a bundle was written may go
    segments = len(list((copy.folder / "segments").glob("*/views.i8")))
    removed = prune(copy, keep=keep)
    assert len(removed.bundles) == 3 - keep
    assert len(list((copy.folder / "segments").glob("*/views.i8"))) == segments - len(removed.bundles)
    assert {path: path.read_bytes() for path in mine} == mine


def _write_all(folder: Path, names: set[str]) -> dict[Path, bytes]:
    written = {}
    for name in sorted(names):
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError:  # a part of it is a file already
            continue
        if not path.exists():
            path.write_text(f"mine: {name}")
            written[path] = path.read_bytes()
    return written


@pytest.fixture(scope="module")
def bucket(published: FolderObjects) -> Iterator[BucketObjects]:
    """The same in S3, after a day."""
    with mock_aws(), pytest.MonkeyPatch.context() as patch:
        for name, value in (("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "b"), ("AWS_REGION", "us-east-1")):
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        later = SimpleNamespace(time=lambda: time.time() + LEFT_ALONE_S + 60)
        patch.setattr(pruning, "time", later)
        boto3.client("s3", region_name="us-east-1").create_bucket(Bucket="gallery")
        yield BucketObjects(Bucket.connect("gallery"), "site/")


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(foreign(), min_size=1, max_size=5), keep=st.integers(1, 3))
def test_in_a_bucket(published: FolderObjects, bucket: BucketObjects, names: set[str], keep: int) -> None:
    client = boto3.client("s3", region_name="us-east-1")
    files = [path for path in published.folder.rglob("*") if path.is_file()]
    for path in sorted(files, key=lambda path: path.name == "current.json"):
        if path.name == "current.json":
            time.sleep(1.1)  # S3 counts whole seconds
        key = f"site/{path.relative_to(published.folder).as_posix()}"
        client.put_object(Bucket="gallery", Key=key, Body=path.read_bytes())
    keys = [f"site/{name}" for name in names] + [f"elsewhere/{name}" for name in (*names, *OURS)]
    for key in keys:
        client.put_object(Bucket="gallery", Key=key, Body=f"mine: {key}".encode())
    removed = prune(bucket, keep=keep)
    assert len(removed.bundles) == 3 - keep
    manifests = [version.manifest for version in list_versions(published) if version.id not in removed.bundles]
    kept = {segment.folder for manifest in manifests if manifest for segment in manifest.segments}
    ours = {found.key.rpartition("/")[0] for found in published.objects("segments/")}
    left = {found.key.rpartition("/")[0] for found in bucket.objects("segments/") if is_segment_file(found.key)}
    assert left & ours == kept
    for key in keys:
        assert client.get_object(Bucket="gallery", Key=key)["Body"].read() == f"mine: {key}".encode()
