"""The static gallery in a store: a page, what it is made of, and the pictures; published whole, or not at all.

What the page is made of lies in gallery/, each file or folder named by the hash of what it holds. The page is written
last and names all of it. Nothing is overwritten or removed that Thinlens didn't write: its page is known by a line in
it, its files by where they lie and how they are called.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import json
import re
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from export.disk.own_names import is_picture
from export.errors import LostRaceError, PublishingError
from export.library.library import Library
from export.progress import Progress
from export.publishing.preview_making import make_previews
from export.publishing.quality_gate import Check
from export.publishing.staged_bundle import (
    Choices,
    check_out,
    contents_of,
    picture_uploads,
    stage_bundle,
    staging_folder,
)
from export.publishing.static.browser_form import browser_form
from export.publishing.static.browser_runtime import MACHINE, MODULE, fetch_runtime
from export.publishing.uploads import missing_uploads, picture_objects, send
from export.storage.object_store import ObjectStore, StoredObject
from handler.store.pointer import POINTER_KEY
from handler.web.routes import ASSETS

PAGE_KEY = "index.html"
SERVICE_WORKER_KEY = "service-worker.js"
FOLDER = "gallery/"
MOST_BYTES = 20_000_000
"""What a visitor fetches once, pictures not counted."""
_BROWSER = Path(__file__).parent / "browser"
_MARKS = {PAGE_KEY: b"<!-- A static gallery of Thinlens -->", SERVICE_WORKER_KEY: b"/*! Thinlens: "}
_MOST_PAGE_BYTES = 1 << 20
_OWN_NAME = re.compile(r"gallery/(?:[0-9a-f]{16}/(?:languages/)?[a-z_-]+\.(?:js|json|css|svg)|[0-9a-f]{16}\.bin)")
_NAMED = re.compile(rb"gallery/[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticPublication:
    """What a run did.

    Attributes:
        photos: How many photos the gallery shows.
        checks: What was measured of the bundle.
        fetched_bytes: What a visitor fetches once, pictures not counted.
        sent_bytes: How much had to be sent.
        removed: How many files and pictures went that the page no longer names.
    """

    photos: int
    checks: tuple[Check, ...]
    fetched_bytes: int
    sent_bytes: int
    removed: int


def publish_static(
    out: Path,
    store: ObjectStore,
    choices: Choices,
    progress: Progress,
    *,
    runtime: Callable[[], Mapping[str, bytes]] = fetch_runtime,
) -> StaticPublication:
    """Publish the bundle of an output folder as a site that needs no function.

    Args:
        out: The output folder.
        store: What will serve the site.
        choices: How to publish.
        progress: Is told of the measuring and of the pictures.
        runtime: Gets what runs the encoder in browsers.

    Raises:
        QualityError: It falls short of what is expected.
        LostRaceError: Somebody else has published since the run began.
        PublishingError: There is no bundle, it can't be searched in a browser, or the store holds what Thinlens didn't
            write, or bundles.
        StoreError: The store can't be used.
        LibraryError: Another run has the output folder.
        BundleError: The bundle is damaged.
    """
    check_out(out, store)
    with Library.open(out) as library, staging_folder(out) as staging:
        before = _before(store)
        staged = stage_bundle(out, staging, choices, None, progress)
        files = _files(staged.bundle.id, browser_form(staged.bundle, staged.folder), runtime())
        pictures = picture_uploads(staged.bundle, library, out, choices)
        if choices.previews:
            pictures += make_previews(contents_of(staged.bundle), out, library, progress)
        there = {found.key for found in picture_objects(store)}
        own = {found.key: found.size_bytes for found in store.objects(FOLDER) if _OWN_NAME.fullmatch(found.key)}
        missing_pictures = missing_uploads(store, pictures, None, there)
        send(store, missing_pictures, progress)
        missing = {key: data for key, data in files.named.items() if own.get(key) != len(data)}
        for key, data in missing.items():
            store.write(key, data)
    _replace(store, SERVICE_WORKER_KEY, files.service_worker, before[SERVICE_WORKER_KEY])
    _replace(store, PAGE_KEY, files.page, before[PAGE_KEY])
    no_longer: set[str] = set()
    if (page_before := before[PAGE_KEY]) is not None:
        no_longer = {key for key in there if is_picture(key)} - {upload.key for upload in pictures}
        # Whoever has the page before open goes on with its files.
        no_longer |= _unnamed(own, [files.page, page_before.data])
        store.remove(sorted(no_longer))
    return StaticPublication(
        photos=staged.bundle.manifest.counts.photos,
        checks=staged.checks,
        fetched_bytes=files.fetched_bytes,
        sent_bytes=sum(map(len, missing.values())) + sum(upload.size_bytes for upload in missing_pictures),
        removed=len(no_longer),
    )


def _before(store: ObjectStore) -> Mapping[str, StoredObject | None]:
    """The page and the service worker that are there; raises PublishingError where they aren't Thinlens's."""
    if store.read(POINTER_KEY, max_bytes=1) is not None:
        raise PublishingError(f"{store.address} holds bundles for a function: publish --static to another place")
    found = {key: store.read(key, max_bytes=_MOST_PAGE_BYTES) for key in _MARKS}
    foreign = [key for key, mark in _MARKS.items() if (there := found[key]) is not None and mark not in there.data]
    if foreign:
        raise PublishingError(
            f"{store.address} holds {' and '.join(foreign)}, which Thinlens didn't write; nothing was overwritten:"
            " publish to another place"
        )
    return found


def _replace(store: ObjectStore, key: str, data: bytes, before: StoredObject | None) -> None:
    """Write what has no hash in its name, in place of what was there when the run began."""
    if before is not None and before.data == data:
        return
    if not store.swap(key, data, version=None if before is None else before.version):
        raise LostRaceError(f"somebody else has published to {store.address} since this run began: publish again")


def _unnamed(own: Iterable[str], pages: Iterable[bytes]) -> Set[str]:
    """The keys of files that none of some pages names."""
    named = {name for page in pages for name in _NAMED.findall(page)}
    return {key for key in own if key.encode()[: len(FOLDER) + 16] not in named}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """What a gallery is made of, but for the pictures.

    Attributes:
        named: Contents by keys that say what they hold.
        page: Names them.
        service_worker: The same for every gallery.
    """

    named: Mapping[str, bytes]
    page: bytes
    service_worker: bytes

    @property
    def fetched_bytes(self) -> int:
        """What a visitor fetches once, of the languages none."""
        languages = sum(len(data) for key, data in self.named.items() if "/languages/" in key)
        return sum(map(len, self.named.values())) + len(self.page) + len(self.service_worker) - languages


def _files(bundle: str, form: Mapping[str, bytes], runtime: Mapping[str, bytes]) -> _Files:
    small = {name: gzip.compress(data, 9, mtime=0) for name, data in {**form, "runtime": runtime[MACHINE]}.items()}
    code = _code(runtime[MODULE])
    folder = FOLDER + _digest(b"".join(name.encode() + data for name, data in sorted(code.items())))
    keys = {name: f"{FOLDER}{_digest(data)}.bin" for name, data in small.items()}
    gallery = {
        "bundle": bundle,
        "files": {name: {"path": keys[name], "integrity": _integrity(data)} for name, data in small.items()},
        "languages": {f"assets/{name}": f"{folder}/{name}" for name in sorted(code) if name.startswith("languages/")},
    }
    page = (_BROWSER / PAGE_KEY).read_text(encoding="utf-8").replace("{code}", folder)
    files = _Files(
        named={
            **{keys[name]: data for name, data in small.items()},
            **{f"{folder}/{name}": data for name, data in code.items()},
        },
        page=page.replace("{gallery}", html.escape(json.dumps(gallery))).encode(),
        service_worker=(_BROWSER / SERVICE_WORKER_KEY).read_bytes(),
    )
    if files.fetched_bytes > MOST_BYTES:
        raise PublishingError(
            f"a visitor would fetch {files.fetched_bytes / 1e6:.1f} MB before searching (expected up to"
            f" {MOST_BYTES / 1e6:.0f} MB): publish fewer photos, or without --static"
        )
    return files


def _code(runtime: bytes) -> Mapping[str, bytes]:
    """The modules and styles that run in the browser, by their names in one folder."""
    code = {path.name: path.read_bytes() for path in sorted(_BROWSER.glob("*.js")) if path.name != SERVICE_WORKER_KEY}
    for address, asset in ASSETS.items():
        name = address.removeprefix("/assets/")
        if name != address:
            code["language.js" if name == "page.js" else name] = asset.path.read_bytes()
    return {**code, "onnxruntime.js": runtime}


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _integrity(data: bytes) -> str:
    """As pages name what a file must hold (Subresource Integrity)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(data).digest()).decode()}"
