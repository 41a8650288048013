"""Discovery: which photos there are in a folder or in a list file, and their sizes and dates.

It opens no photo: one stat for each file is all it costs. Whatever can't be a photo of this run is reported
with its reason, never raised.
"""

from __future__ import annotations

import codecs
import fnmatch
import logging
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from export.errors import PhotosError
from export.photos.column_table import NAMES
from export.photos.content_hash import stamp_of
from export.photos.unicode_names import locate, one_form
from export.pictures.formats import FORMATS, PASSED_OVER, SUFFIXES

_log = logging.getLogger(__name__)

_MADE_BY_PROGRAMS = {
    "@eaDir": "thumbnails of a Synology disk",
    "#snapshot": "snapshots of a disk",
    "@Recently-Snapshot": "snapshots of a disk",
    "#recycle": "a recycle bin",
    "@Recycle": "a recycle bin",
    "$RECYCLE.BIN": "a recycle bin",
    "System Volume Information": "kept by Windows",
}
"""What folders of these names are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPhoto:
    """A file that should be a photo.

    Attributes:
        id: Its path relative to the root, "/" between the parts, in one Unicode form (see names.py); absolute for a
            listed file outside of the root.
        size_bytes: Of the file.
        stamp: As ``stamp_of`` gives it.
    """

    id: str
    size_bytes: int
    stamp: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What was found.

    Attributes:
        root: The folder to which ids are relative, absolute itself.
        photos: Sorted by id, each id once.
        unreadable: Reason by path, for what was found but can't be a photo of this run; valid Unicode.
        listed: Whether somebody listed the photos, and means no others.
        closed: The folders that couldn't be listed, with a "/" behind each: what they hold isn't known.
        passed_over: How many files of what kind are no photos.
    """

    root: Path
    photos: tuple[FoundPhoto, ...]
    unreadable: dict[str, str]
    listed: bool = False
    closed: tuple[str, ...] = ()
    passed_over: dict[str, int] = field(default_factory=dict)


def discover(photos: Path, *, exclude: Sequence[str] = (), out: Path | None = None) -> Discovery:
    """Find the photos of a folder (all the way down), or those of a list file.

    In a folder, hidden files and folders are left out, among them the ._* files of macOS, and links are followed; a
    folder that can be reached in several ways is taken once, by its own path rather than by a link.

    Args:
        photos: A folder; or a file with one path a line (or between NULs), relative to the file's folder or absolute.
        exclude: Globs of photos and folders to leave out, matched with the name and with the path relative to the
            root, where "*" matches "/" too. Example: "screenshots", "*.gif", "2019/private".
        out: The output folder, which is left out where it lies among the photos.

    Raises:
        PhotosError: There is no such folder or list, or it holds no photos.
    """
    try:
        is_folder = stat.S_ISDIR(photos.stat().st_mode)
        root = (photos if is_folder else photos.parent).resolve()
        search = _Search(root=root, exclusion=Exclusion(exclude))
        if is_folder:
            os.scandir(root).close()  # unlike a folder below, one that can't be listed at all is the end of the run
            search.walk(out)
            for kind, folders in search.left_out.items():
                more = f", and {len(folders) - 1:,} more" if len(folders) > 1 else ""
                _log.warning("Left out as %s: %s%s", kind, min(folders), more)
        else:
            search.read_list(photos)
    except OSError as error:
        raise PhotosError(f"{photos}: {error.strerror}; expected a folder of photos or a list file") from error
    if not search.photos:
        raise PhotosError(_nothing_found(photos, search.unreadable))
    return Discovery(
        root=root,
        photos=tuple(search.photos[photo_id] for photo_id in sorted(search.photos)),
        unreadable=search.unreadable,
        listed=not is_folder,
        closed=tuple(search.closed),
        passed_over=dict(sorted(search.passed_over.items())),
    )


class Exclusion:
    """What is left out: whatever one of some globs matches by its name or by its path."""

    def __init__(self, globs: Sequence[str]) -> None:
        pattern = "|".join(fnmatch.translate(one_form(glob).rstrip("/")) for glob in globs)
        self._pattern = re.compile(pattern) if globs else None

    def matches(self, path: str) -> bool:
        """Whether a path itself is left out."""
        if self._pattern is None:
            return False
        path = one_form(path)
        return bool(self._pattern.match(path) or self._pattern.match(path.rpartition("/")[2]))

    def covers(self, path: str) -> bool:
        """Whether a path or a folder above it is left out."""
        parts = path.split("/")
        return any(self.matches("/".join(parts[:depth])) for depth in range(1, len(parts) + 1))


def _nothing_found(photos: Path, unreadable: dict[str, str]) -> str:
    message = f"{photos} holds no photos; expected {', '.join(each.name for each in FORMATS)}"
    for path, reason in unreadable.items():
        return f"{message}; {len(unreadable)} can't be used, the first of them, {path}, because {reason}"
    return message


@dataclass(slots=True, kw_only=True)
class _Search:
    root: Path
    exclusion: Exclusion
    photos: dict[str, FoundPhoto] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    passed_over: Counter[str] = field(default_factory=Counter)

    def walk(self, out: Path | None) -> None:
        visited = {_inode(out.stat())} if out is not None and out.is_dir() else set()
        folders, linked = [""], list[str]()
        while folders or linked:
            if not folders:  # every folder itself comes before a link to it, whatever their names are
                linked.sort(reverse=True)
            folder = folders.pop() if folders else linked.pop()
            try:
                inode = _inode((self.root / folder).stat())
                if inode in visited:
                    continue
                visited.add(inode)
                with os.scandir(self.root / folder) as found:
                    entries = list(found)
                if folder and (kind := no_photos_in(folder, {entry.name for entry in entries})):
                    self.left_out.setdefault(kind, []).append(folder)
                    continue
                for entry in entries:
                    self._take_entry(entry, f"{folder}/{entry.name}" if folder else entry.name, folders, linked)
            except OSError as error:
                self.closed.append(f"{one_form(folder)}/")
                self._refuse(folder, f"the folder can't be read: {error.strerror}")

    def _take_entry(self, entry: os.DirEntry[str], path: str, folders: list[str], linked: list[str]) -> None:
        if entry.name.startswith(".") or self.exclusion.matches(path):
            return
        try:
            if entry.is_dir():
                (linked if entry.is_symlink() else folders).append(path)
            elif entry.name.lower().endswith(SUFFIXES):
                self._take(path, entry.stat())
            elif path not in NAMES:
                self.passed_over[_kind(entry.name)] += 1
        except OSError as error:
            if entry.name.lower().endswith(SUFFIXES):
                self._refuse(path, f"can't be read: {error.strerror}")

    def read_list(self, file: Path) -> None:
        if file.suffix.lower() in SUFFIXES:
            raise PhotosError(f"{file} is a photo; expected the folder in which photos lie, or a file that lists them")
        data = file.read_bytes().removeprefix(codecs.BOM_UTF8)  # editors on Windows write it
        lines = data.split(b"\0") if b"\0" in data else [line.rstrip(b"\r") for line in data.split(b"\n")]
        prefix = str(self.root).rstrip("/") + "/"
        for line in filter(None, lines):
            path = os.path.normpath(self.root / os.fsdecode(line)).removeprefix(prefix)
            if self.exclusion.covers(path):
                continue
            try:
                self._take(path, locate(self.root, path).stat())
            except OSError as error:
                self._refuse(path, f"can't be read: {error.strerror}")

    def _take(self, path: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            self._refuse(path, "not a file")
        elif not path.isascii() and (fault := _fault_of_name(path)):
            self._refuse(path, fault)
        else:
            photo_id = one_form(path)
            if (other := self.paths.get(photo_id, path)) != path:
                # The file whose name is the id itself is the one that is found by it.
                self._refuse(
                    other if path == photo_id else path,
                    "another photo has the same name in another Unicode form; rename one",
                )
            if other == path or path == photo_id:
                self.paths[photo_id] = path
                self.photos[photo_id] = FoundPhoto(id=photo_id, size_bytes=status.st_size, stamp=stamp_of(status))

    def _refuse(self, path: str, reason: str) -> None:
        self.unreadable[os.fsencode(path).decode("utf-8", "backslashreplace")] = reason


def _kind(name: str) -> str:
    """What a file that is no photo is called where it is counted: ``"video"``, ``"PSD"``; ``""`` for any other."""
    suffix = PurePath(name).suffix.lower()
    return PASSED_OVER.get(suffix, "other file") or suffix[1:].upper()


def no_photos_in(folder: str, names: Set[str]) -> str | None:
    """What a folder of these entries is, if its pictures are made by a program and are no photos of their own."""
    above, _, name = folder.rpartition("/")
    if name in _MADE_BY_PROGRAMS:
        return _MADE_BY_PROGRAMS[name]
    if name.endswith((".lrdata", ".cocatalogdb")) or (name == "Cache" and above.endswith("CaptureOne")):
        return "previews of Lightroom or Capture One"
    if above.endswith(".photoslibrary") and name not in ("originals", "Masters"):
        return "previews of Apple Photos"
    if names >= {"library.sqlite", "bundles"}:
        return "an output folder of Thinlens"
    if names >= {"current.json", "bundles"}:
        return "published by Thinlens"
    return None


def _inode(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _fault_of_name(path: str) -> str | None:
    """Why the bytes of a name are no id, if so."""
    if (encoding := sys.getfilesystemencoding()) != "utf-8":
        return f"its name is read as {encoding} (expected utf-8); run Python with -X utf8"
    try:
        path.encode()
    except UnicodeEncodeError:
        return "its name is not valid UTF-8; rename it"
    return None
