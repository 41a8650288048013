"""The browser's form of a bundle: what browser/gallery.js reads of it, all photos as one segment in the order of ids.

The file of photos is JSON, as the answers need it; that of the vectors has, little-endian: float32 [photos] and float32
[photos, views], the value of one step of each fused vector and of each view, int8 [photos, dim], the fused vectors, and
int8 [photos, views, dim], the views.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.bundles.segment_content import SegmentContent
from export.errors import PublishingError
from handler.bundle.bundle import Bundle
from handler.bundle.index.coded_index import SCANNED
from handler.bundle.index.vector_index import QuantisedVectors
from handler.search.searcher import Searcher

MOST_PHOTOS = SCANNED
"""Of so many the function compares a question with every photo's vector, as the browser does."""
_MODEL = "WordPiece"
_NORMALIZER = "BertNormalizer"
_PRE_TOKENIZER = "BertPreTokenizer"
_POST_PROCESSOR = "TemplateProcessing"


def browser_form(bundle: Bundle, folder: Path) -> Mapping[str, bytes]:
    """The files that the browser reads, by the names that gallery.js has for them.

    Args:
        bundle: In its published form.
        folder: Where its files lie.

    Raises:
        PublishingError: It holds too many photos, or an encoder whose tokenizer browsers haven't.
        BundleError: It is damaged.
    """
    photos = bundle.manifest.counts.photos
    if photos > MOST_PHOTOS:
        raise PublishingError(
            f"the bundle holds {photos:,} photos (expected up to {MOST_PHOTOS:,} for --static, as the browser holds all"
            " of them): publish it for a function, without --static"
        )
    tokenizer = (folder / "tokenizer.json").read_bytes()
    _check_tokenizer(tokenizer)
    parts = _parts(bundle, folder)
    content = SegmentContent.merged(parts)
    return {
        "photos": json.dumps(_collection(bundle, parts), ensure_ascii=False, separators=(",", ":")).encode(),
        "vectors": _vectors(content),
        "graph": (folder / "encoder.onnx").read_bytes(),
        "weights": (folder / "encoder.bin").read_bytes(),
        "tokenizer": tokenizer,
    }


def _check_tokenizer(data: bytes) -> None:
    says = json.loads(data)
    found = [(says.get(part) or {}).get("type") for part in ("model", "normalizer", "pre_tokenizer", "post_processor")]
    expected = [_MODEL, _NORMALIZER, _PRE_TOKENIZER, _POST_PROCESSOR]
    if found != expected:
        kinds = ", ".join(map(str, found))
        raise PublishingError(
            f"the encoder's tokenizer is made of {kinds} (expected {', '.join(expected)} for --static): index again"
            " without --languages and with an encoder of that kind, or publish without --static"
        )


def _parts(bundle: Bundle, folder: Path) -> list[SegmentContent]:
    """What each segment holds of the photos that are there, in the order of their numbers."""
    parts, start = [], 0
    gone = bundle.photos.gone
    for segment in bundle.manifest.segments:
        rows = gone[(gone >= start) & (gone < start + segment.photos)] - start
        content = SegmentContent.read(folder / segment.folder, segment, bundle.manifest, without=rows)
        parts += [] if content is None else [content]
        start += segment.photos
    return parts


def _collection(bundle: Bundle, parts: list[SegmentContent]) -> dict[str, object]:
    """What the file of photos says; groups of near-duplicates have any numbers, of which equal ones are one group."""
    searcher = Searcher(bundle)
    ids = [record.id for part in parts for record in part.records]
    numbers = bundle.photos.present().tolist()
    in_order = [number for _, number in sorted(zip(ids, numbers, strict=True))]
    manifest, encoder = bundle.manifest, bundle.encoder.configuration
    return {
        "bundle": bundle.id,
        "suggestions": manifest.suggestions,
        "columns": searcher.collection(k=1)["columns"],
        "calibration": manifest.calibration.to_json(),
        "views": manifest.views,
        "encoder": {
            "dim": encoder.dim,
            "most_tokens": encoder.max_tokens,
            "prompts": {"query": encoder.query_prompt, "document": encoder.document_prompt},
        },
        "groups": bundle.photos.groups[in_order].tolist(),
        "photos": [_photo(searcher, photo_id) for photo_id in sorted(ids)],
    }


def _photo(searcher: Searcher, photo_id: str) -> dict[str, object]:
    """What the function answers of a photo, but for the bundle, which is the same of all."""
    return {name: value for name, value in searcher.photo(photo_id).items() if name != "bundle"}


def _vectors(content: SegmentContent) -> bytes:
    parts: tuple[QuantisedVectors, ...] = (content.fused.in_8_bits(), content.views)
    arrays: list[NDArray[np.generic]] = [*(part.scales.astype("<f4") for part in parts), *(part.rows for part in parts)]
    return b"".join(array.tobytes() for array in arrays)
