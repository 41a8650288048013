"""Photos dealt out to segments in any way, some of them in versions that are gone, as one bundle to be searched."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from handler.bundle.blocks.segment_files import SegmentFiles
from handler.bundle.bundle import Bundle
from handler.bundle.index.index_kinds import open_index
from handler.bundle.index.vector_index import QuantisedVectors
from handler.bundle.photos.collection_file import CollectionFile
from handler.bundle.photos.segments import Photos, open_segment
from handler.bundle.words.words import Words
from handler.store.folder_store import open_bundle
from tests.functional.handler.artefacts import (
    BundleChoices,
    TinyPhoto,
    TinyVectors,
    columns_of,
    write_bundle,
    write_collection,
    write_tiny_segment,
)


@dataclass(frozen=True)
class Dealer:
    """Deals out some of `photos`; `stale` are what may stand in a segment too, and is gone.

    Attributes:
        folder: Where the bundles are made.
        whole: All photos in one segment.
        versions: Every photo and stale version by a name for it.
    """

    folder: Path
    whole: Bundle
    versions: Mapping[str, TinyPhoto]

    @classmethod
    def of(
        cls, folder: Path, photos: Sequence[TinyPhoto], stale: Sequence[TinyPhoto], choices: BundleChoices
    ) -> Dealer:
        whole = open_bundle(write_bundle(folder / "whole", photos, choices))
        named = {photo.id: photo for photo in photos}
        return cls(folder, whole, named | {f"stale {number}": photo for number, photo in enumerate(stale)})

    @cached_property
    def _vectors(self) -> TinyVectors:
        """Those of all versions, made once, so that the rounding is the same in whatever company a photo is."""
        weights = self.whole.manifest.calibration.weights
        return TinyVectors.of(list(self.versions.values()), self.whole.encoder, weights)  # type: ignore[arg-type]

    def deal(self, hands: Sequence[Sequence[str]]) -> Bundle:
        """A bundle of segments that hold the versions of these names; a stale one is gone."""
        hands = [sorted(hand, key=lambda name: self.versions[name].id) for hand in hands if hand]
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        segments = []
        for hand in hands:
            info = write_tiny_segment(
                folder,
                [self.versions[name] for name in hand],
                self._rows(hand),
                self.whole.encoder,  # type: ignore[arg-type]
            )
            segments.append(SegmentFiles.open(folder / info.id, info))
        dealt = [[self.versions[name] for name in hand] for hand in hands]
        there = [self.versions[name] for hand in hands for name in hand if not name.startswith("stale ")]
        write_collection(folder / "collection.bin", dealt, there)
        whole = CollectionFile.read(folder / "collection.bin")
        manifest = replace(self.whole.manifest, columns=columns_of(there))
        return replace(
            self.whole,
            manifest=manifest,
            index=open_index("coded", segments, dim=manifest.encoder.dim, gone=whole.gone),
            words=Words(
                [segment.blocked["words.bin"] for segment in segments],
                photos=[segment.photos for segment in segments],
                gone=whole.gone,
            ),
            photos=Photos(
                [open_segment(segment, manifest) for segment in segments],
                gone=whole.gone,
                groups=whole.groups(),
                names=manifest.columns,
            ),
        )

    def _rows(self, names: Sequence[str]) -> TinyVectors:
        rows = np.array([list(self.versions).index(name) for name in names])
        fused, views = self._vectors.fused, self._vectors.views
        return TinyVectors(
            fused=QuantisedVectors(rows=fused.rows[rows], scales=fused.scales[rows]),
            views=QuantisedVectors(rows=views.rows[rows], scales=views.scales[rows]),
        )
