"""Tiny models through the whole path: trained, exported, calibrated, and used to index and search."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel

from export.errors import ModelError
from export.gallery.indexing import index_photos
from export.models.model_set import shipped_models
from export.training.data.caption_text import BEGIN_ID, END_ID
from export.training.evaluation.held_out import calibrate
from export.training.photo_model.backbone import Backbone, pretrained_backbone
from export.training.photo_model.packing import write_captioner, write_encoder
from export.training.photo_model.photo_model import PhotoModel, PhotoModelShape
from export.training.photo_model.unpacking import TrainedCaptioner
from export.training.photo_training.photo_recipe import PhotoRecipe, train_photo_model
from export.training.photo_training.teaching import DecoderRecipe
from export.training.photo_training.visual_training import VisualRecipe
from export.training.text_encoder.encoder_training import EncoderRecipe, train_encoder
from export.training.text_encoder.sentence_model import TextEncoder, embed
from export.understanding.onnx_captioner import OnnxCaptionerSource
from handler.bundle.encoder import Encoder
from handler.search.searcher import Searcher
from handler.store.folder_store import open_bundle

pytestmark = [
    # torch's tracing exporter, the one whose graphs ONNX Runtime fuses best, is deprecated and says so in many ways.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

COLOURS = {"red": (200, 30, 30), "green": (30, 180, 40), "blue": (30, 40, 200), "grey": (120, 120, 120)}
THINGS = ("wall", "door", "boat")
IMAGE_SIZE = 96


def captions_of(colour: str, thing: str) -> list[str]:
    return [f"A {colour} {thing} .", f"A {thing} that is {colour} and large .", f"the {colour} {thing} of a house"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of coloured squares, with all the files of the documented layout."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "photos").mkdir()
    (folder / "captions").mkdir()
    random = np.random.default_rng(0)
    lines = []
    for colour, rgb in COLOURS.items():
        for thing in THINGS:
            name = f"{colour}-{thing}.png"
            pixels = np.clip(np.array(rgb) + random.integers(-20, 20, (64, 64, 3)), 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name)
            split = "dev" if thing == "boat" else "train"
            lines.append(json.dumps({"file": name, "split": split, "captions": captions_of(colour, thing)}))
    lines.append(json.dumps({"file": "red-wall.png", "split": "train", "captions": [], "labels": ["tree", "wall"]}))
    (folder / "photos" / "squares.jsonl").write_text("\n".join(lines))
    texts = {
        "lists-paraphrases.jsonl.gz": json.dumps(["A dog runs.", "A dog is running."]) + "\n",
        "coco-single.txt.gz": "a giraffe eats leaves\n",
        "wordnet-glosses.jsonl.gz": "\n".join(
            json.dumps({"lemmas": [lemma], "gloss": "a tall tree", "examples": ["an oak"], "file": "noun.plant"})
            for lemma in ["oak"] * 7 + ["tree"]
        ),
        "sick-test.tsv.gz": "pair_ID\tsentence_A\tsentence_B\trelatedness_score\n1\ta dog\ta cat\t3.0\n",
    }
    for name, text in texts.items():
        with gzip.open(folder / "captions" / name, "wt") as stream:
            stream.write(text)
    return folder


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory, data: Path) -> Path:
    """A sentence encoder of random weights that reads every word of the corpus."""
    folder = tmp_path_factory.mktemp("teacher")
    words = {word for text in _all_texts(data) for word in text.lower().replace(".", "").replace(",", "").split()}
    letters = [chr(code) for code in range(33, 127)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{x}" for x in letters), *sorted(words)]
    vocabulary = {piece: number for number, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])
    tokenizer.normalizer = BertNormalizer()
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(4)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.3,
    )  # type: ignore[no-untyped-call]
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)  # type: ignore[no-untyped-call]
    return folder


@pytest.fixture(scope="module")
def encoder(data: Path, teacher: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[TextEncoder, Tokenizer]:
    recipe = EncoderRecipe(
        layers=(0,), vocabulary_size=230, steps=40, warmup=5, lists_per_step=6, texts_per_step=4, learning_rate=3e-3
    )
    return train_encoder(data, teacher, tmp_path_factory.mktemp("encoder"), recipe)


@pytest.fixture(scope="module")
def photo_model(
    data: Path, encoder: tuple[TextEncoder, Tokenizer], tmp_path_factory: pytest.TempPathFactory
) -> TrainedCaptioner:
    shape = PhotoModelShape(
        trained_size=64, dim=64, visual_hidden=32, width=16, heads=2, layers=2, vocabulary_size=120, max_tokens=64
    )
    recipe = PhotoRecipe(
        shape=shape,
        visual=VisualRecipe(head_passes=1, head_photos_per_step=4, whole_steps=3, photos_per_step=4, queue=6),
        decoder=DecoderRecipe(
            language_steps=3,
            language_batch=4,
            answer_steps=3,
            photos_per_step=4,
            crop_size=64,
            reward_steps=2,
            samples=3,
        ),
    )
    student, tokenizer = encoder
    work = tmp_path_factory.mktemp("photo")
    return train_photo_model(data, work, recipe, lambda texts: embed(student, tokenizer, texts))


@pytest.fixture(scope="module")
def models(
    data: Path,
    encoder: tuple[TextEncoder, Tokenizer],
    photo_model: TrainedCaptioner,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder that is shipped: encoder, captioner, calibration."""
    folder = tmp_path_factory.mktemp("models")
    write_encoder(*encoder, folder / "encoder")
    identity = Encoder.load(folder / "encoder").identity
    write_captioner(photo_model, folder / "captioner", encoder_identity=identity, image_size=IMAGE_SIZE)
    calibrate(folder, data)
    return folder


def test_the_student_comes_close_to_its_teacher(
    data: Path, teacher: Path, encoder: tuple[TextEncoder, Tokenizer], tmp_path: Path
) -> None:
    from export.training.text_encoder.sentence_model import load_teacher, make_student

    source, tokenizer = load_teacher(teacher)
    texts = _all_texts(data)
    untrained, trimmed = make_student(source, tokenizer, texts, layers=(0,), vocabulary_size=230)
    expected = embed(source, tokenizer, texts)

    def distance(student: TextEncoder, tokenizer: Tokenizer) -> float:
        return float(1 - (embed(student, tokenizer, texts) * expected).sum(1).mean())

    assert distance(*encoder) < 0.5 * distance(untrained.eval(), trimmed)


def test_every_tensor_of_the_photo_model_was_trained(photo_model: TrainedCaptioner) -> None:
    model = photo_model.model
    torch.manual_seed(PhotoRecipe().seed)
    untrained = PhotoModel(model.shape)
    untrained.backbone.load_pretrained(pretrained_backbone())
    before, after = untrained.state_dict(), model.state_dict()
    assert [name for name in after if torch.equal(before[name], after[name])] == []


def test_the_served_encoder_is_the_trained_one(
    data: Path, models: Path, encoder: tuple[TextEncoder, Tokenizer]
) -> None:
    texts = _all_texts(data)
    student, tokenizer = encoder
    served = Encoder.load(models / "encoder")
    cosines = (served.encode(texts) * embed(student, tokenizer, texts)).sum(1)
    assert cosines.min() > 0.9  # in 7 and 4 bits
    alone = np.concatenate([served.encode([text]) for text in texts])
    assert (alone * served.encode(texts)).sum(1).min() > 0.9999


def test_the_served_captioner_says_what_torch_says(models: Path, photo_model: TrainedCaptioner) -> None:
    model, tokenizer = photo_model.model, photo_model.tokenizer
    pixels = np.random.default_rng(1).integers(0, 256, (3, IMAGE_SIZE, IMAGE_SIZE, 3), np.uint8)
    served = OnnxCaptionerSource.open(models / "captioner").load()
    understandings = served.understand(pixels, beams=1)
    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        understood = model.understand_as_served(images)
        vectors = np.stack([each.view for each in understandings if each.view is not None])
        # A random backbone hardly tells photos apart, and the head's start magnifies what 8 bits round; that the graph
        # agrees with torch before it is rounded is checked when it is exported.
        assert (vectors * understood.visual.numpy()).sum(1).min() > 0.98
        prefix = [*tokenizer.encode(served.instructions[0]).ids, BEGIN_ID]
        for row in range(3):
            tokens = list(prefix)
            while len(tokens) < len(prefix) + 24:
                memory = understood.memory[row : row + 1]
                logits = model.decode(torch.tensor([tokens]), memory, model.empty_cache(1)).logits[0, -1]
                best, second = logits.topk(2).values.tolist()
                if int(logits.argmax()) == END_ID or best - second < 0.02:  # closer than 8 bits can tell
                    break
                if int(logits.argmax()) in tokens[len(prefix) :]:  # from here on words have a penalty
                    break
                tokens.append(int(logits.argmax()))
            said = tokenizer.decode(tokens[len(prefix) :])
            assert understandings[row].captions[0].lower().startswith(said.lower())


def test_shipped_models_index_and_search(data: Path, models: Path, tmp_path: Path) -> None:
    report = index_photos(data / "photos", tmp_path / "out", workers=1, models=shipped_models(models))
    assert (report.photos, report.failures) == (12, ())
    bundle = open_bundle(tmp_path / "out" / "bundle")
    answer = Searcher(bundle).search("a red wall", k=20, min_relevance=0.0)
    relevances = [result["relevance"] for result in answer["results"]]
    assert len(relevances) == 12
    assert relevances == sorted(relevances, reverse=True)
    assert all(0.0 <= relevance <= 1.0 for relevance in relevances)


def test_a_calibration_of_another_encoder_is_refused(models: Path, tmp_path: Path) -> None:
    import shutil

    other = tmp_path / "models"
    shutil.copytree(models, other)
    calibration = json.loads((other / "calibration.json").read_text())
    (other / "calibration.json").write_text(json.dumps({**calibration, "encoder": "0" * 64}))
    with pytest.raises(ModelError, match="don't belong together: the calibration was made for 0000"):
        shipped_models(other)


def test_weights_in_8_bits_are_a_quarter_of_the_size(models: Path, photo_model: TrainedCaptioner) -> None:
    weights = sum(parameter.numel() for parameter in photo_model.model.parameters())
    assert sum(path.stat().st_size for path in (models / "captioner").glob("*.onnx")) < 0.3 * 4 * weights


def test_a_backbone_of_another_architecture_is_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Conv2d(3, 8, 3).state_dict(), tmp_path / "other.pth")
    with pytest.raises(ModelError, match=r"other\.pth has 1 convolutions .* expected the 49 of EfficientNet-Lite0"):
        Backbone().load_pretrained(tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(ModelError, match=r"text\.pth is no PyTorch checkpoint"):
        Backbone().load_pretrained(tmp_path / "text.pth")
    with pytest.raises(ModelError, match=r"missing\.pth is missing"):
        Backbone().load_pretrained(tmp_path / "missing.pth")


def _all_texts(data: Path) -> list[str]:
    texts = ["A dog runs", "A dog is running", "a giraffe eats leaves", "oak", "oak: a tall tree", "an oak"]
    for colour in COLOURS:
        for thing in THINGS:
            texts += [caption.removesuffix(" .") for caption in captions_of(colour, thing)]
    return texts
