"""What can go wrong while a bundle is opened and questions are answered.

ThinlensError
├── BundleError          a bundle cannot be trusted: missing, truncated, altered, of an unknown
│                        format version, or made of parts that do not belong together
├── StoreError           what a store holds cannot be had just now: out of reach, refused, cut short
│   ├── NotThereError         the store has no such object
│   └── NothingPublishedError no bundle was ever put in service there
├── QueryError           what was asked cannot be answered: empty, too long, out of range
├── PictureError         a picture that is asked with is none: of another size than is asked for, or of another type
├── NoVisionError        no picture can be asked with: nothing can see it, or not as the bundle's photos were seen
├── PhotoNotFoundError   no photo of this bundle has the id that was asked for
├── BundleChangedError   another bundle is in service than the one that was asked for
└── SettingsError        an environment variable holds what it may not
"""

from __future__ import annotations

import errno
from enum import StrEnum


class Problem(StrEnum):
    """What can be wrong with a question, told apart for programs; handler/README.md lists them."""

    MISSING_PARAMETER = "missing-parameter"
    UNKNOWN_PARAMETER = "unknown-parameter"
    REPEATED_PARAMETER = "repeated-parameter"
    INVALID_PARAMETER = "invalid-parameter"
    CONTRADICTORY = "contradictory-parameters"
    UNKNOWN_COLUMN = "unknown-column"
    INVALID_IMAGE = "invalid-image"
    IMAGE_TOO_LARGE = "image-too-large"
    UNSUPPORTED_TYPE = "unsupported-media-type"
    REQUEST_TIMEOUT = "request-timeout"


_SAID_PLAINLY = {errno.ENOSPC: "the disk is full", errno.EROFS: "it can only be read"}


def in_words(error: Exception) -> str:
    """What an exception of Python's says, for people: without the number that the operating system has for it.

    Example: OSError(2, "No such file or directory", "a.jpg") -> "No such file or directory: 'a.jpg'"
    """
    if not isinstance(error, OSError) or not error.strerror:
        return str(error) or type(error).__name__
    said = _SAID_PLAINLY.get(error.errno or 0, error.strerror)
    return said if error.filename is None else f"{said}: {str(error.filename)!r}"


class ThinlensError(Exception):
    """Every error that Thinlens raises on purpose; its text is one line meant for people."""


class BundleError(ThinlensError):
    """A bundle (or a part of one) cannot be trusted, and nothing of it is served."""


class StoreError(ThinlensError):
    """What a store holds cannot be had: it is out of reach, refuses, answers wrongly, or there is no room for it."""


class NotThereError(StoreError):
    """The store can be read, and has no such object."""


class NothingPublishedError(StoreError):
    """The store can be read, and no bundle was put in service there yet."""


class QueryError(ThinlensError):
    """What was asked cannot be answered.

    Attributes:
        parameter: The name of what is wrong, as the HTTP interface and the command line call it.
        problem: What kind of wrong it is.
    """

    def __init__(self, message: str, *, parameter: str, problem: Problem = Problem.INVALID_PARAMETER) -> None:
        super().__init__(message)
        self.parameter = parameter
        self.problem = problem


class PictureError(ThinlensError):
    """A picture that was sent is not what it should be.

    Attributes:
        problem: What kind of wrong it is.
    """

    def __init__(self, message: str, *, problem: Problem = Problem.INVALID_IMAGE) -> None:
        super().__init__(message)
        self.problem = problem


class NoVisionError(ThinlensError):
    """No picture can be asked with here."""


class PhotoNotFoundError(ThinlensError):
    """The bundle in service holds no photo of this id."""


class BundleChangedError(ThinlensError):
    """Another bundle is in service than the one that the client asked for."""


class SettingsError(ThinlensError):
    """An environment variable holds what it may not."""
