"""What a collection offers to be filtered by, for whoever has asked for a folder or a value that no photo has."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from handler.bundle.bundle import Bundle
from handler.bundle.photos.catalogue import PhotoRecord
from handler.errors import QueryError
from handler.search.filters import Filters

MAX_NAMED = 8
# Of a large collection some are looked at, spread evenly by number: nobody waits long for what was mistyped.
MAX_PHOTOS = 20_000


def check_offered(filters: Filters, bundle: Bundle) -> None:
    """Refuse a folder in which no photo lies, and a value that no photo has, and say what there is instead.

    Raises:
        QueryError: As above, and where the filters themselves can't be.
    """
    for folder in filters.folders:
        if not _is_any(Filters(folders=(folder,)), bundle):
            there = _some(_folders(_records(bundle)))
            raise QueryError(f"No photo lies in the folder {folder[:80]!r} (there are {there})", parameter="folder")
    for condition in filters.where:
        if not _is_any(Filters(where=(condition,)), bundle):
            column, _, value = condition.partition(":")
            there = _some(_values(column, _records(bundle)))
            raise QueryError(f"No photo has {value[:80]!r} as its {column} (there are {there})", parameter="where")


def _is_any(filters: Filters, bundle: Bundle) -> bool:
    return len(bundle.photos.present(filters.mask(bundle.photos))) > 0


def _records(bundle: Bundle) -> list[PhotoRecord]:
    numbers = bundle.photos.present()
    step = -(-len(numbers) // MAX_PHOTOS) or 1
    return bundle.photos.records(numbers[::step].tolist())


def _folders(records: Iterable[PhotoRecord]) -> Iterator[str]:
    for record in records:
        folder, slash, _ = record.id.rpartition("/")
        if slash:
            yield folder


def _values(column: str, records: Iterable[PhotoRecord]) -> Iterator[str]:
    for record in records:
        value = record.columns.get(column)
        if isinstance(value, float):
            yield f"{value:g}"
        elif value is not None:
            yield from (value,) if isinstance(value, str) else value


def _some(found: Iterable[str]) -> str:
    """The most frequent of some texts.

    Example: "Rome, Paris" or "none"; "2024, 2023, …, 2017 and 12 more"
    """
    counts = Counter(found)
    named = ", ".join(text for text, _ in counts.most_common(MAX_NAMED))
    more = f" and {len(counts) - MAX_NAMED:,} more" if len(counts) > MAX_NAMED else ""
    return f"{named}{more}" or "none"
