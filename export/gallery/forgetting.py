"""Forgetting: photos that are gone many at once, as with a disk that isn't there, stay until somebody lets them go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

_FORGOTTEN_UNASKED = 1
_SHARE_FORGOTTEN_UNASKED = 0.1

MayForget = Callable[[Sequence[str], int], bool]
"""Asked whether photos may be forgotten: their ids, which are gone at once, and how many there were."""


def always(gone: Sequence[str], known: int) -> bool:  # noqa: ARG001 a MayForget
    """Whatever is gone may be forgotten."""
    return True


def never(gone: Sequence[str], known: int) -> bool:  # noqa: ARG001 a MayForget
    """Nobody said that many photos may be forgotten at once."""
    return False


def stay(gone: Collection[str], known: int, may_forget: MayForget) -> bool:
    """Whether photos that are gone stay: several, more than a tenth of all that were known, and nobody lets them go."""
    many = len(gone) > max(_FORGOTTEN_UNASKED, _SHARE_FORGOTTEN_UNASKED * known)
    return many and not may_forget(sorted(gone), known)
