"""Encoding queries: how long the shipped text encoders take for one, beside the encoder that one was distilled from."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from export.models.model_set import LANGUAGES, MODELS
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES
from tests.performance.report import Table, spread
from tests.performance.search import QUERIES

ROUNDS = 60


def measure(folder: Path) -> Table:
    """Ask all in turn for the same queries, one at a time."""
    from export.conversion.encoder_folder import write_encoder_folder
    from export.conversion.quantisation import DYNAMIC_INT8, FLOAT32
    from export.conversion.sentence_encoder import export_sentence_encoder
    from export.training.text_encoder.sentence_model import default_teacher

    minilm = export_sentence_encoder(default_teacher(), name="all-MiniLM-L6-v2")
    folders = {"shipped": MODELS / "encoder", "shipped, for many languages": LANGUAGES}
    for scheme in (DYNAMIC_INT8, FLOAT32):
        folders[f"all-MiniLM-L6-v2, {scheme.name}"] = folder / scheme.name
        write_encoder_folder(minilm, folder / scheme.name, scheme=scheme)
    encoders = {name: Encoder.load(path) for name, path in folders.items()}
    rounds: dict[str, list[float]] = {name: [] for name in encoders}
    for _ in range(ROUNDS):
        for name, encoder in encoders.items():
            rounds[name].append(_median_ms(encoder))
    ratios = {name: np.divide(taken, rounds["shipped"]) for name, taken in rounds.items()}
    return Table(
        title="Encoding a query",
        how=(
            f"{len(QUERIES)} queries, one at a time on one thread, tokens included, {ROUNDS} rounds in which the "
            "encoders take turns: the median of a round in ms; median and quartiles over the rounds, and of the "
            "quotient of each round. all-MiniLM-L6-v2 in int8 is dynamic, with a scale for each channel; its graph is "
            "written node by node as the shipped one's is, which makes it faster than a traced one."
        ),
        header=("encoder", "MB", "ms", "times as long as the shipped one"),
        rows=[
            (name, f"{_megabytes(folders[name]):.1f}", spread(rounds[name], 3), spread(ratios[name].tolist(), 2))
            for name in encoders
        ],
    )


def _median_ms(encoder: Encoder) -> float:
    took_s = []
    for query in QUERIES:
        started = time.perf_counter()
        encoder.encode([query])
        took_s.append(time.perf_counter() - started)
    return 1e3 * float(np.median(took_s))


def _megabytes(folder: Path) -> float:
    return sum((folder / name).stat().st_size for name in ENCODER_FILES) / 1e6
