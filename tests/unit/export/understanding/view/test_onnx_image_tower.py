"""Where an image tower runs: on the GPU that ONNX Runtime has, and where it hasn't on a processor."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from export.disk.model_files import IMAGE_DESCRIPTION
from export.pictures.fitting.preprocessing import Preprocessing
from export.understanding.view.onnx_image_tower import ImageTowerSource
from handler.runtime import onnxruntime

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
SQUASHED = Preprocessing(resize="squash", size=(4, 4), crop=(4, 4), resample=2, scale=(1.0,) * 3, offset=(0.0,) * 3)


class FakeSession:
    """Notes which providers it was asked for, and how many pictures went through it together."""

    asked: Sequence[str] = ()
    works = True

    def __init__(self, path: str, options: object, *, providers: Sequence[str]) -> None:
        del path, options
        type(self).asked = providers
        self.together: list[int] = []

    def get_providers(self) -> list[str]:
        """Those that could be loaded."""
        return [name for name in self.asked if name != CUDA or self.works]

    def run(self, outputs: Sequence[str], inputs: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        del outputs
        self.together.append(len(inputs["pixels"]))
        return [np.ones((len(inputs["pixels"]), 2), np.float32)]


@pytest.mark.parametrize(
    ("available", "works", "asked", "together"),
    [
        ([CPU], True, [CPU], [4, 4, 2]),
        ([CUDA, CPU], True, [CUDA, CPU], [10]),
        ([CUDA, CPU], False, [CUDA, CPU], [4, 4, 2]),
    ],
    ids=["no GPU", "a GPU", "a build for GPUs without one"],
)
def test_the_gpu_is_taken_where_it_can_be(
    available: list[str],
    works: bool,
    asked: list[str],
    together: list[int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / IMAGE_DESCRIPTION).write_text(json.dumps({"preprocessing": SQUASHED.to_json()}))
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    monkeypatch.setattr(onnxruntime, "InferenceSession", FakeSession)
    monkeypatch.setattr(FakeSession, "works", works)
    source = ImageTowerSource(folder=tmp_path, space="s" * 64)
    assert source.alone == (CUDA in available)  # one process then holds it
    with caplog.at_level(logging.WARNING):
        tower = source.load()
    assert list(FakeSession.asked) == asked
    assert tower.embed([Image.new("RGB", (5, 7))] * 10).shape == (10, 2)
    assert tower._session.together == together
    assert ("can't use a GPU" in caplog.text) == (CUDA in available and not works)
