"""The answers: the shapes of the JSON that clients get, over HTTP and from the command line alike."""

from __future__ import annotations

from typing import Literal, NotRequired, TypeAlias, TypedDict

from handler.bundle.photos.catalogue import CaptionKind, TakenSource
from handler.search.pictures.vision import Fit

# What the collection's own table says of a photo, by the columns' names.
ColumnsAnswer: TypeAlias = dict[str, str | float | list[str]]


MatchedIn: TypeAlias = Literal["meaning", "caption", "text", "name", "column"]


class Addresses(TypedDict):
    """Where a photo, its thumbnail and its preview lie; there may be no preview."""

    url: str
    thumbnail_url: str
    preview_url: str | None


class Result(TypedDict):
    """One photo of an answer.

    `matched` is the text that explains the relevance, or "visual", and `matched_in` what it is: a caption, text that
    stands in the photo, a name of its file or folders or what else its owner says, if words of the query found it
    there, and otherwise "meaning". `marks` says from which character of `matched` to before which those words stand.
    `duplicates`, how many near-duplicates are folded into this photo, is there if that was asked for.
    """

    id: str
    relevance: float
    caption: str
    caption_kind: CaptionKind
    matched: str
    matched_in: MatchedIn
    marks: list[list[int]]
    url: str
    thumbnail_url: str
    preview_url: str | None
    width: int
    height: int
    taken: str | None
    placeholder: str | None
    columns: ColumnsAnswer
    duplicates: NotRequired[int]


class Page(TypedDict):
    """A page of results in their order; `next_offset` is where the next one starts, if there is one.

    `perhaps` is what comes after the last result: photos that are below the threshold, yet better than chance.
    """

    bundle: str
    took_ms: float
    no_relevant_results: bool
    next_offset: int | None
    results: list[Result]
    perhaps: list[Result]


class SearchAnswer(Page):
    """The answer to a query, which is given as it was understood.

    `corrected` is the same with known words in place of unknown ones, if nothing was found but by that.
    """

    query: str
    corrected: str | None


class SimilarAnswer(Page):
    """The photos that are like the photo `id`."""

    id: str


class CaptionAnswer(TypedDict):
    """One caption of a photo, and where it comes from: `model` is None where a person wrote it."""

    instruction: str
    text: str
    kind: CaptionKind
    edited: bool
    model: str | None


class PhotoAnswer(TypedDict):
    """Everything the bundle knows of one photo."""

    id: str
    bundle: str
    url: str
    thumbnail_url: str
    preview_url: str | None
    width: int
    height: int
    type: str
    size_bytes: int
    taken: str | None
    taken_source: TakenSource | None
    placeholder: str | None
    captions: list[CaptionAnswer]
    columns: ColumnsAnswer
    text: list[str]


class ColumnAnswer(TypedDict):
    """A column of the collection's own, by which photos can be filtered."""

    name: str
    kind: Literal["number", "text"]


class CollectionAnswer(TypedDict):
    """What there is to search: how many photos, some of them, and what may be asked for.

    `next_offset` is where the next page starts, if the photos are a page of all in an order. `image_queries` says
    whether pictures may be asked with, `image_side` of how many pixels a side then, and `image_fit` how they become
    squares.
    """

    bundle: str
    total: int
    next_offset: int | None
    suggestions: list[str]
    columns: list[ColumnAnswer]
    image_queries: bool
    image_side: int | None
    image_fit: Fit | None
    photos: list[PhotoAnswer]


class MonthCount(TypedDict):
    """How many photos were taken in a month, "2024-05"."""

    month: str
    count: int


class FolderCount(TypedDict):
    """How many photos lie in a folder, or below it."""

    folder: str
    count: int


class ValueCount(TypedDict):
    """How many photos have a value: a number in a column of numbers, and otherwise a text."""

    value: str | float
    count: int


class ColumnCounts(TypedDict):
    """How many photos have which values in a column; `others` is how many have something else there alone."""

    column: str
    values: list[ValueCount]
    others: int


class Counts(TypedDict):
    """Of some photos, how many there are of each kind; `total` is how many there are."""

    total: int
    months: list[MonthCount]
    undated: int
    folders: list[FolderCount]
    orientations: list[ValueCount]
    types: list[ValueCount]
    columns: list[ColumnCounts]


class FacetsAnswer(Counts):
    """Of the photos that are found, how many there are of each kind; `query` is as it was understood, or empty."""

    query: str
    bundle: str
    took_ms: float


class HealthAnswer(TypedDict):
    """Whether there is a collection to search, and which."""

    status: Literal["ok"]
    bundle: str
    photos: int
