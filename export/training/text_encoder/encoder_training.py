"""Training the text encoder: distillation on all texts, which keeps general English, and paraphrases pulled together.

Captions of one photo are each other's positives and never each other's negatives. So are the texts about one name: its
synonyms, one and several, what it is in general, and its gloss.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import spearmanr
from tokenizers import Tokenizer

from export.models.hub import content_identity
from export.training.data.corpus import read_general_text, read_paraphrases, read_photos, read_relatedness
from export.training.data.names import read_name_lists
from export.training.losses import distillation_loss, margin_loss, paraphrase_loss
from export.training.text_encoder.sentence_model import (
    EmbedTexts,
    TextEncoder,
    embed,
    load_teacher,
    make_student,
    narrow_feed_forward,
    pad,
)
from export.training.training_run import Run, shuffled_batch

_PART = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderRecipe:
    """What the default text encoder was trained with.

    Attributes:
        feed_forward: Units of each layer's feed-forward half that are kept of the teacher's.
        least_cohesion: Captions of one photo whose mean cosine, by the teacher, is lower each say something else: they
            are no paraphrases.
        objective: What pulls paraphrases together: ``softmax`` (InfoNCE) or ``margin`` (Hadsell et al. 2006).
    """

    layers: tuple[int, ...] = (0, 2, 4)
    feed_forward: int = 1_152
    vocabulary_size: int = 14_000
    steps: int = 1_400
    warmup: int = 60
    lists_per_step: int = 128
    names_per_step: int = 64
    texts_per_step: int = 256
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    distillation_weight: float = 10.0
    paraphrase_weight: float = 0.7
    name_weight: float = 0.2
    least_cohesion: float = 0.35
    objective: Literal["softmax", "margin"] = "softmax"
    temperature: float = 0.05
    margin: float = 1.0
    average_decay: float = 0.99
    seed: int = 20_261_122


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderScores:
    """How a text encoder does on texts that it was not trained on.

    Attributes:
        recall_at_1: One human caption of each photo indexed, its other captions as queries.
        relatedness: Spearman correlation with people's judgement on SICK.
    """

    recall_at_1: float
    relatedness: float


class _TextStream:
    """Batches of the corpus as a function of the step."""

    def __init__(
        self,
        lists: Sequence[tuple[str, ...]],
        names: Sequence[tuple[str, ...]],
        general: Sequence[str],
        recipe: EncoderRecipe,
    ) -> None:
        self.recipe = recipe
        self.texts = [text for texts in (*lists, *names) for text in texts] + list(general)
        starts = np.cumsum([0, *map(len, lists), *map(len, names)])
        rows = [np.arange(start, stop) for start, stop in itertools.pairwise(starts)]
        self.lists, self._names = rows[: len(lists)], rows[len(lists) :]
        self._first_general = int(starts[-1])

    def keep_cohesive(self, vectors: NDArray[np.float16]) -> None:
        """Leave out the lists of captions that each say something else, by the teacher's vectors."""
        self.lists = [rows for rows in self.lists if _cohesion(vectors[rows]) >= self.recipe.least_cohesion]

    def paraphrases(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows of two captions of each of some lists, and which list each row belongs to."""
        owners = self._pass(step, self.recipe.lists_per_step, len(self.lists), "lists")
        return self._pairs(self.lists, owners, np.random.default_rng((self.recipe.seed, step, 1))), owners.repeat(2)

    def names(self, step: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The same of names; each text stands there once, as "dog" is said of every breed."""
        owners = self._pass(step, self.recipe.names_per_step, len(self._names), "names")
        pairs = self._pairs(self._names, owners, np.random.default_rng((self.recipe.seed, step, 2))).reshape(-1, 2)
        kept, said = [], set[str]()
        for number, pair in enumerate(pairs):
            texts = {self.texts[row] for row in pair}
            if not texts & said:
                kept.append(number)
                said |= texts
        return pairs[kept].ravel(), owners[kept].repeat(2)

    def general(self, step: int) -> NDArray[np.int64]:
        """Rows of single texts."""
        count = len(self.texts) - self._first_general
        return self._first_general + self._pass(step, self.recipe.texts_per_step, count, "general")

    def _pass(self, step: int, size: int, count: int, purpose: str) -> NDArray[np.int64]:
        salt = int.from_bytes(hashlib.sha256(purpose.encode()).digest()[:4])
        return shuffled_batch(step, size, count, seed=(self.recipe.seed, salt))

    @staticmethod
    def _pairs(
        lists: Sequence[NDArray[np.int64]], owners: NDArray[np.int64], random: np.random.Generator
    ) -> NDArray[np.int64]:
        return np.concatenate([random.choice(lists[owner], 2, replace=False) for owner in owners])


def _cohesion(vectors: NDArray[np.float16]) -> float:
    """The mean cosine of two of some unit vectors."""
    count = len(vectors)
    total = float(np.square(vectors.astype(np.float32).sum(0)).sum())
    return (total - count) / (count * (count - 1))


def train_encoder(data: Path, teacher_folder: Path, work: Path, recipe: EncoderRecipe) -> tuple[TextEncoder, Tokenizer]:
    """Train the student, or go on with a run that was interrupted.

    Args:
        data: The corpus, laid out as corpus.py says.
        teacher_folder: A sentence-transformers folder with a BERT encoder, for instance all-MiniLM-L6-v2.
        work: Where teacher vectors, checkpoint and log go.
        recipe: Seeds and sizes.

    Returns:
        The student with averaged weights, and its tokenizer.

    Raises:
        DataError: Something of the corpus is missing.
        TrainingError: The loss is not finite, or ``work`` holds a run of another recipe.
    """
    torch.manual_seed(recipe.seed)
    work.mkdir(parents=True, exist_ok=True)
    teacher, teacher_tokenizer = load_teacher(teacher_folder)
    stream = _TextStream(read_paraphrases(data), read_name_lists(data), read_general_text(data), recipe)
    identity = content_identity(teacher_folder, "teacher")
    targets = _teacher_vectors(work, teacher, teacher_tokenizer, stream.texts, identity)
    stream.keep_cohesive(targets)
    student, tokenizer = make_student(
        teacher, teacher_tokenizer, stream.texts, layers=recipe.layers, vocabulary_size=recipe.vocabulary_size
    )
    narrow_feed_forward(student, recipe.feed_forward)
    token_ids = [encoding.ids for encoding in tokenizer.encode_batch(stream.texts)]
    optimizer = torch.optim.AdamW(student.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    run = Run(
        folder=work,
        model=student,
        optimizer=optimizer,
        steps=recipe.steps,
        warmup=recipe.warmup,
        recipe=json.loads(json.dumps(asdict(recipe))),
        seed=recipe.seed,
        average_decay=recipe.average_decay,
    )
    run.resume()

    def vectors_of(rows: NDArray[np.int64]) -> torch.Tensor:
        """Vectors of texts, in parts of similar length so that little is padded."""
        order = sorted(range(len(rows)), key=lambda place: len(token_ids[rows[place]]))
        parts = []
        with torch.autocast("cpu", torch.bfloat16):
            for start in range(0, len(order), _PART):
                batch = pad([token_ids[rows[place]] for place in order[start : start + _PART]])
                parts.append(student(batch.input_ids, batch.attention_mask))
        return torch.cat(parts)[torch.from_numpy(np.argsort(order))]

    student.train()
    for step in run.remaining():
        rows, owners = stream.paraphrases(step)
        name_rows, name_owners = stream.names(step)
        others = stream.general(step)
        captions, names = vectors_of(rows), vectors_of(name_rows)
        distilled = distillation_loss(captions, torch.from_numpy(targets[rows]).float())
        distilled_names = distillation_loss(names, torch.from_numpy(targets[name_rows]).float())
        distilled_general = distillation_loss(vectors_of(others), torch.from_numpy(targets[others]).float())
        paraphrases = _paraphrases(captions, torch.from_numpy(owners), recipe)
        synonyms = _paraphrases(names, torch.from_numpy(name_owners), recipe)
        run.advance(
            {
                "distillation": recipe.distillation_weight / 3 * (distilled + distilled_names + distilled_general),
                "paraphrases": recipe.paraphrase_weight * paraphrases,
                "names": recipe.name_weight * synonyms,
            }
        )
        if run.step % 50 == 0:
            run.note(
                captions=round(distilled.item(), 4),
                general=round(distilled_general.item(), 4),
                paraphrases=round(paraphrases.item(), 4),
                names=round(synonyms.item(), 4),
            )
        if run.step % 250 == 0 or run.step == recipe.steps:
            run.save()
    run.use_averages()
    return student.eval(), tokenizer


def _paraphrases(vectors: torch.Tensor, owners: torch.Tensor, recipe: EncoderRecipe) -> torch.Tensor:
    if recipe.objective == "margin":
        return margin_loss(vectors, owners, margin=recipe.margin)
    return paraphrase_loss(vectors, owners, temperature=recipe.temperature)


def score_encoder(vectors_of: EmbedTexts, data: Path, photos: Path) -> EncoderScores:
    """Score any function from texts to unit vectors on ``dev`` captions and on SICK.

    Args:
        vectors_of: Maps texts to float32 [n, dim], unit L2 norm.
        data: The corpus.
        photos: The jsonl file whose ``dev`` photos are used.
    """
    captions = [photo.captions for photo in read_photos(photos, "dev")]
    indexed = vectors_of([texts[0] for texts in captions])
    queries = vectors_of([text for texts in captions for text in texts[1:]])
    owners = np.repeat(np.arange(len(captions)), [len(texts) - 1 for texts in captions])
    recall = float(((queries @ indexed.T).argmax(1) == owners).mean())
    pairs = read_relatedness(data)
    first, second = vectors_of([pair.first for pair in pairs]), vectors_of([pair.second for pair in pairs])
    judged = [pair.relatedness for pair in pairs]
    correlation = spearmanr((first * second).sum(1), judged).statistic
    return EncoderScores(recall_at_1=recall, relatedness=float(correlation))


def _teacher_vectors(
    work: Path, teacher: TextEncoder, tokenizer: Tokenizer, texts: Sequence[str], identity: str
) -> NDArray[np.float16]:
    """What a teacher makes of each text, float16 [texts, dim], computed once for each teacher and kept in ``work``."""
    digest = hashlib.sha256("\n".join([identity, *texts]).encode()).hexdigest()[:16]
    path = work / f"teacher-{digest}.npy"
    if not path.is_file():
        beside = path.with_suffix(".part.npy")
        np.save(beside, embed(teacher, tokenizer, texts).astype(np.float16))
        beside.rename(path)
    vectors: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return vectors
