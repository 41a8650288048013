"""What can go wrong offline, as one tree.

ExportError
├── PhotosError       PHOTOS can't be used: missing, empty, or not a folder or list of photos
├── ColumnsError      the table of the collection's own columns can't be used
├── PhotoError        one photo can't be used; recorded with its reason, and never the end of a run
│   ├── BrokenPhotoError      its content can't be decoded, now or later
│   └── UnreadablePhotoError  its file can't be read now; tried again in the next run
├── LibraryError      the library can't be used: of another version, or damaged
│   ├── LibraryInUseError  another run has it open
│   └── UnknownPhotoError  it doesn't have a photo that is meant
├── OutputError       the output folder can't be written, or its disk is full
├── ServingError      the gallery can't be served on this machine
├── StoreError        a store can't be used: its address, its credentials, or what it answers
│   └── UnavailableStoreError  it can't be used now; worth another try
├── ClusterError      Ray can't be used: it isn't installed, or the cluster can't be reached
├── PublishingError   a bundle can't be put in service; the one from before stays
│   ├── QualityError      it falls short of what is expected of a bundle
│   └── LostRaceError     somebody else has put a bundle in service meanwhile
├── DataError         training or evaluation data is missing or malformed
├── ModelError        a model folder can't be used: files missing, of another kind, or of another encoder
└── TrainingError     a training run can't start or go on
"""

from __future__ import annotations

import errno
from typing import Self

from handler.errors import in_words


def installing(extra: str) -> str:
    """How what one of the extras of pyproject.toml brings is installed, for the end of a message."""
    return f"install it with: make setup EXTRAS={extra}"


def unwritable(error: OSError, otherwise: str) -> str:
    """Why a place can't be written and what helps, for the end of a message.

    Example: ENOSPC, "choose another --out" -> "the disk is full; make room or choose another --out"
    """
    room = "make room or " if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return f"{in_words(OSError(error.errno, error.strerror))}; {room}{otherwise}"


class ExportError(Exception):
    """The root: the command line shows it as one line and exits with 1."""


class PhotosError(ExportError):
    """PHOTOS can't be used: it is missing, holds no photos, or is neither a folder nor a list file."""


class ColumnsError(ExportError):
    """The table of the collection's own columns can't be read, or isn't what it should be."""


class PhotoError(ExportError):
    """One photo can't be used. The message is the reason, as it is recorded and shown at the end of a run."""


class BrokenPhotoError(PhotoError):
    """The photo's content can't be decoded: trying again is of no use until the file or the decoder changes."""


class UnreadablePhotoError(PhotoError):
    """The photo's file can't be read now: permissions, input/output, memory, or it changed while it was read."""


class LibraryError(ExportError):
    """The library can't be used: another run holds it, it is of another version, it is damaged, or lacks a photo."""


class LibraryInUseError(LibraryError):
    """Another run has the library open; worth another try when that has ended."""


class UnknownPhotoError(LibraryError):
    """The library doesn't have a photo that is meant."""


class OutputError(ExportError):
    """The output folder can't be written, or its disk is full."""


class ServingError(ExportError):
    """The gallery can't be served on this machine."""


class StoreError(ExportError):
    """A store can't be used: its address, its credentials or rights, or what it answers."""


class UnavailableStoreError(StoreError):
    """The store can't be used now: unreachable, busy, or failing. Whether it did what was asked of it isn't known."""


class ClusterError(ExportError):
    """Ray can't be used: it isn't installed, there is no cluster at the address, or it has gone."""


class PublishingError(ExportError):
    """A bundle isn't put in service, and the one from before stays; or a store has not said which of them it is."""


class QualityError(PublishingError):
    """The bundle falls short of what is expected of a bundle in service."""


class LostRaceError(PublishingError):
    """Somebody else has put a bundle in service since this run began."""


class DataError(ExportError):
    """Training or evaluation data is missing or malformed."""


class ModelError(ExportError):
    """A model folder can't be used: files missing, of another kind, or made for another encoder."""

    @classmethod
    def needs_training_extra(cls, error: ModuleNotFoundError) -> Self:
        """The error that says what to install for models of one's own."""
        return cls(f"models of your own need {error.name}; {installing('train')}")


class TrainingError(ExportError):
    """A training run can't start or go on."""
