"""A captioner's folder becomes a torch model again: the shipped one, and one that was just written."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from export.errors import ModelError
from export.models.model_set import MODELS
from export.photos.samples import copy_samples
from export.pictures.decoding import decode_photo
from export.training.data.caption_text import train_tokenizer
from export.training.photo_model.packing import write_captioner
from export.training.photo_model.photo_model import PhotoModel, PhotoModelShape
from export.training.photo_model.unpacking import TrainedCaptioner, read_captioner
from export.understanding.onnx_captioner import OnnxCaptionerSource

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

SHAPE = PhotoModelShape(
    trained_size=64, dim=48, visual_hidden=40, width=32, heads=4, layers=2, vocabulary_size=70, max_tokens=66, names=3
)


def test_every_weight_comes_back_as_it_was_rounded(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = PhotoModel(SHAPE).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))  # the exporter writes weights that are the same once
        model.names.copy_(torch.nn.functional.normalize(torch.randn(*model.names.shape), dim=1))
    trained = TrainedCaptioner(model=model, tokenizer=train_tokenizer(["a dog runs"], 70), names=("dog", "cat", "cow"))
    write_captioner(trained, tmp_path, encoder_identity="0" * 64, image_size=96)
    unpacked = read_captioner(tmp_path)
    read, tokenizer = unpacked.model, unpacked.tokenizer
    assert read.shape == SHAPE
    assert unpacked.names == trained.names
    assert tokenizer.get_vocab_size() == train_tokenizer(["a dog runs"], 70).get_vocab_size()
    before, after = model.state_dict(), read.state_dict()
    for name, weights in before.items():
        assert (after[name] - weights).norm() < 0.02 * weights.norm() + 1e-6, name

    again = tmp_path / "again"
    write_captioner(unpacked, again, encoder_identity="0" * 64, image_size=96)
    third = read_captioner(again).model.state_dict()
    assert all((third[name] - weights).norm() < 0.02 * weights.norm() + 1e-6 for name, weights in after.items())


def test_the_shipped_captioner_sees_the_same_in_torch(tmp_path: Path) -> None:
    model = read_captioner(MODELS / "captioner").model
    served = OnnxCaptionerSource.open(MODELS / "captioner").load()
    copy_samples(tmp_path)
    pixels = np.stack([decode_photo(path, image_size=served.image_size).pixels for path in sorted(tmp_path.iterdir())])
    with torch.no_grad():
        seen = model.understand_as_served(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1)
    vectors = [understanding.view for understanding in served.understand(pixels)]
    cosines = (seen.visual.numpy() * np.stack([vector for vector in vectors if vector is not None])).sum(1)
    assert cosines.min() > 0.97  # photos are rounded to 8 bits on their way, in torch not


def test_other_graphs_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "captioner"
    shutil.copytree(MODELS / "captioner", folder)
    graph = onnx.load(str(folder / "decoder.onnx"))
    for item in graph.graph.initializer:
        item.name = item.name.replace("norm_self", "norm_other")
    onnx.save_model(graph, str(folder / "decoder.onnx"))
    with pytest.raises(
        ModelError, match=r"doesn't hold .* \(layers\.0\.norm_other\.bias: found \[320\], expected nothing\)"
    ):
        read_captioner(folder)
    settings = json.loads((folder / "captioner.json").read_text())
    (folder / "captioner.json").write_text(json.dumps({**settings, "empty_cache": [3]}))
    with pytest.raises(ModelError, match="doesn't hold the weights of a photo model"):
        read_captioner(folder)
    (folder / "decoder.onnx").write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"decoder\.onnx can't be read as ONNX"):
        read_captioner(folder)
    (folder / "decoder.onnx").unlink()
    with pytest.raises(ModelError, match=r"has no decoder\.onnx; a captioner's folder holds"):
        read_captioner(folder)
