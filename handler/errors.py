"""What can go wrong while a bundle is opened and questions are answered.

ThinlensError
├── BundleError          a bundle cannot be trusted: missing, truncated, altered, of an unknown
│                        format version, or made of parts that do not belong together
├── StoreError           what a store holds cannot be had just now: out of reach, refused, cut short
├── QueryError           what was asked cannot be answered: empty, too long, out of range
├── PhotoNotFoundError   no photo of this bundle has the id that was asked for
└── SettingsError        an environment variable holds what it may not
"""

from __future__ import annotations


class ThinlensError(Exception):
    """Every error that Thinlens raises on purpose; its text is one line meant for people."""


class BundleError(ThinlensError):
    """A bundle (or a part of one) cannot be trusted, and nothing of it is served."""


class StoreError(ThinlensError):
    """What a store holds cannot be had: it is out of reach, refuses, answers wrongly, or there is no room for it."""


class QueryError(ThinlensError):
    """What was asked cannot be answered.

    Attributes:
        parameter: The name of what is wrong, as the HTTP interface and the command line call it.
    """

    def __init__(self, message: str, *, parameter: str) -> None:
        super().__init__(message)
        self.parameter = parameter


class PhotoNotFoundError(ThinlensError):
    """The bundle in service holds no photo of this id."""


class SettingsError(ThinlensError):
    """An environment variable holds what it may not."""
