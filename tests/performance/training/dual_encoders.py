"""Dual encoders: what one of CLIP B/32's size costs to index with and to serve, with random weights.

The same image tower sees the same photo files in plain onnxruntime and, in OpenCLIP's own code, in torch; the function
starts and answers beside the one of the shipped models. `thinlens index` is a process of its own, which loads no torch,
as the command is.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel

from export.conversion.dual.tracing import trace
from export.conversion.quantisation import write_graph
from export.models.dual_encoders import open_dual_encoder
from export.models.encoders import open_encoder
from handler.bundle.encoder import Encoder
from handler.bundle.encoder_files import ENCODER_FILES
from handler.runtime import onnxruntime
from tests.functional.export.conversion.dual_models import clip_tokenizer
from tests.functional.export.conversion.open_clip_here import require_open_clip
from tests.performance.cold_start import BARE_IMPORTS, FIRST_ANSWER, Kind, start_in_turn
from tests.performance.report import Table, spread
from tests.performance.small_memory import ask

PHOTOS, ROUNDS, STARTS, WORKERS = 128, 3, 7, 2
AT_ONCE = 8
QUERY = "a dog runs on the beach at night"
OPEN_CLIP = "ViT-B-32"

INDEX = """
import sys
from pathlib import Path
from export.gallery.indexing import index_photos
from export.models.encoders import encoder_space
from export.models.model_set import Models
from export.understanding.view.onnx_image_tower import ImageTowerSource
from tests.functional.export.conversion.silent_captioner import SilentCaptioner

photos, out, encoder = map(Path, sys.argv[1:4])
space = encoder_space(encoder)
tower = ImageTowerSource.find(encoder, space=space)
models = Models(encoder=encoder, encoder_identity=space, captioner=SilentCaptioner(), image_encoder=tower)
index_photos(photos, out, workers=int(sys.argv[4]), models=models)
"""

See = Callable[[Sequence[Path]], None]


def measure(folder: Path, shipped: Path) -> Table:
    """Index, see and serve.

    Args:
        folder: Empty, for models, photos and bundles.
        shipped: A bundle of the shipped models, to compare the function with.
    """
    model = _save_model(folder / "clip-b32")
    photos = _write_photos(folder / "photos")
    encoder = open_encoder(str(model), folder / "converted")

    def index(number: int) -> None:
        given = [str(folder / "photos"), str(folder / f"out{number}"), str(encoder), str(WORKERS)]
        subprocess.run([sys.executable, "-c", INDEX, *given], check=True)

    plainly, in_torch = _see_plainly(model, folder), _see_in_torch()
    ways: dict[str, Callable[[int], None]] = {
        "thinlens index": index,
        "plain onnxruntime": lambda _: plainly(photos),
        "OpenCLIP in torch": lambda _: in_torch(photos),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    worked: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(ROUNDS):
        for name, way in ways.items():
            started, processor = time.perf_counter(), _processor_s()
            way(number)
            rates[name].append(PHOTOS / (time.perf_counter() - started))
            worked[name].append((_processor_s() - processor) * 1_000 / PHOTOS)
    ours = median(rates["thinlens index"])
    rows = [(f"photos a second, {name}", spread(rate), f"{ours / median(rate):.2f}") for name, rate in rates.items()]
    ours = median(worked["thinlens index"])
    rows += [
        (f"processor ms a photo, {name}", spread(ms, 0), f"{ours / median(ms):.2f}") for name, ms in worked.items()
    ]
    return Table(
        title="Dual encoders",
        how=(
            f"A CLIPModel of B/32's size with random weights; {PHOTOS} JPEG files of 1,280 x 960 pixels, {ROUNDS} "
            f"rounds in turn, on {WORKERS} cores; median and quartiles. `thinlens index` is a process of its own, "
            "which starts others, writes thumbnails and a bundle too; the others have loaded their model before. The "
            f"ratio is ours to theirs. Of the function: {STARTS} fresh processes of each kind in turn, beside the "
            "shipped models."
        ),
        header=("what", "measured", "ratio"),
        rows=[*rows, *_function(folder / f"out{ROUNDS - 1}/bundle", shipped)],
    )


def _function(bundle: Path, shipped: Path) -> list[tuple[str, str, str]]:
    """What the function of a bundle costs, and how many times that of the shipped models."""
    kinds = [
        Kind(name="imports", code=BARE_IMPORTS, environment={}),
        *(
            Kind(name=str(each), code=FIRST_ANSWER, environment={"THINLENS_BUNDLE": str(each)})
            for each in (bundle, shipped)
        ),
    ]
    starts = start_in_turn(kinds, STARTS)
    times = [[start["took_ms"] for start in starts[kind.name]] for kind in kinds]
    query = [_query_ms(each) for each in (bundle, shipped)]
    memory = [
        ask({"THINLENS_BUNDLE": str(each)}, queries=1_000, settled_after=500, limit_mb=256)[1_000]["RssAnon"] / 1024
        for each in (bundle, shipped)
    ]
    size = [sum((each / file).stat().st_size for file in ENCODER_FILES) / 1e6 for each in (bundle, shipped)]
    return [
        ("first answer, ms", spread(times[1], 0), f"{median(times[1]) / median(times[2]):.2f}"),
        ("first answer, to the bare imports", "", f"{median(times[1]) / median(times[0]):.2f}"),
        ("embedding a query, ms", spread(query[0], 2), f"{median(query[0]) / median(query[1]):.2f}"),
        ("anonymous memory after 1,000 queries, MiB", f"{memory[0]:.0f}", f"{memory[0] / memory[1]:.2f}"),
        ("encoder in the function, MB", f"{size[0]:.1f}", f"{size[0] / size[1]:.2f}"),
    ]


def _query_ms(bundle: Path) -> list[float]:
    """Processor time in ms to embed a query, many times."""
    encoder = Encoder.load(bundle)
    took = []
    for number in range(60):
        started = time.thread_time()
        encoder.encode([f"{QUERY} {number}"])
        took.append((time.thread_time() - started) * 1_000)
    return took[10:]


def _save_model(folder: Path) -> Path:
    clip_tokenizer().save_pretrained(folder)
    CLIPImageProcessor().save_pretrained(folder)
    torch.manual_seed(0)
    CLIPModel(CLIPConfig()).save_pretrained(folder)  # type: ignore[no-untyped-call]
    return folder


def _write_photos(folder: Path) -> list[Path]:
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(PHOTOS):
        small = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(small).resize((1_280, 960), Image.Resampling.BICUBIC).save(folder / f"{number}.jpg", quality=90)
    return sorted(folder.iterdir())


def _processor_s() -> float:
    """Processor time of this process and of those that it has waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _see_plainly(model: Path, folder: Path) -> See:
    """The same tower in float32, on a session with a thread for each core, and the model's own processor."""
    dual = open_dual_encoder(str(model))
    graph = trace(
        dual.image_tower, {"pixels": torch.zeros(2, 3, 224, 224)}, "visual", {"pixels": {0: "n"}}, name="clip-b32"
    )
    write_graph(graph, folder / "plain.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = WORKERS
    session = onnxruntime.InferenceSession(str(folder / "plain.onnx"), options, providers=["CPUExecutionProvider"])
    processor: Any = CLIPImageProcessor.from_pretrained(model)

    def see(paths: Sequence[Path]) -> None:
        for start in range(0, len(paths), AT_ONCE):
            pictures = [Image.open(path).convert("RGB") for path in paths[start : start + AT_ONCE]]
            session.run(None, {"pixels": processor(images=pictures, return_tensors="np").pixel_values})

    return see


def _see_in_torch() -> See:
    """OpenCLIP as its documentation shows it."""
    require_open_clip()
    import open_clip

    torch.set_num_threads(WORKERS)
    model, _, prepare = open_clip.create_model_and_transforms(OPEN_CLIP)
    model.eval()

    @torch.inference_mode()
    def see(paths: Sequence[Path]) -> None:
        for start in range(0, len(paths), AT_ONCE):
            model.encode_image(torch.stack([prepare(Image.open(path)) for path in paths[start : start + AT_ONCE]]))

    return see
