"""Training the encoder for many languages: its vector of a translation is to be that of the English original.

That is what Reimers and Gurevych (2020, arXiv 2004.09813) call multilingual knowledge distillation. The teacher is a
text encoder of the handler as it is served, whose space the student's vectors are in. The student starts from
multilingual-e5-small's first layers and the word pieces that the texts use.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import nn
from transformers import BertConfig, BertModel

from export.training.text_encoder.language_corpus import LanguageCorpus
from export.training.text_encoder.language_losses import GradientsInParts, LossWeights
from export.training.text_encoder.language_optimizer import RowAdamW
from export.training.text_encoder.packed_e5 import PackedEncoder
from export.training.text_encoder.sentence_model import EmbedTexts, TextEncoder, fit_projection
from export.training.text_encoder.word_pieces import (
    BEGIN,
    END,
    PADDING,
    SPECIAL_PIECES,
    UNKNOWN,
    Piece,
    lower_pieces,
    unigram_tokenizer,
    used_pieces,
)
from export.training.training_run import Run

_SHOWN = 12
"""One in so many of the texts that the projection is fitted on shows what flows through the student."""
_SPECIAL_SOURCES = {BEGIN: 0, PADDING: 1, END: 2, UNKNOWN: 3}
"""Of XLM-RoBERTa's vocabulary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageRecipe:
    """What the shipped encoder for many languages was trained with.

    Attributes:
        layers: Which of the start's layers are kept.
        vocabulary_size: How many word pieces are kept at most, special ones aside.
        english_texts: English captions, glosses and lemmas beside the translations' originals.
        flatten: A language of n pairs is drawn in proportion to n ** flatten.
        sentences_per_step: In other languages.
        nouns_per_step: In other languages.
        english_per_step: Texts of all kinds.
        most_tokens: Of a text; more are cut off.
        fitted_texts: On so many the projection into the teacher's space is fitted before the training.
        ridge: How much that is held back, as a share of what its inputs vary.
    """

    layers: tuple[int, ...] = (0, 1, 2, 3, 4)
    vocabulary_size: int = 60_000
    english_texts: int = 100_000
    flatten: float = 0.7
    steps: int = 2_000
    warmup: int = 50
    sentences_per_step: int = 232
    nouns_per_step: int = 512
    english_per_step: int = 144
    most_tokens: int = 48
    learning_rate: float = 5e-4
    weight_decay: float = 0.01
    distillation_weight: float = 10.0
    retrieval_weight: float = 0.7
    temperature: float = 0.05
    fitted_texts: int = 6_000
    ridge: float = 1e-2
    seed: int = 20_261_130

    @property
    def weights(self) -> LossWeights:
        """What the losses count for."""
        return LossWeights(
            distillation=self.distillation_weight, retrieval=self.retrieval_weight, temperature=self.temperature
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageTeacher:
    """A text encoder as it is served, and its identity."""

    vectors_of: EmbedTexts
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageStudent:
    """A trained encoder for many languages, its tokenizer, and texts like those that it was trained on."""

    encoder: TextEncoder
    tokenizer: Tokenizer
    texts: tuple[str, ...]


def train_languages(
    data: Path,
    teacher: LanguageTeacher,
    read_start: Callable[[], PackedEncoder],
    work: Path,
    recipe: LanguageRecipe,
) -> LanguageStudent:
    """Train the student, or go on with a run that was interrupted.

    Args:
        data: The corpus, laid out as corpus.py and translations.py say.
        teacher: Whose vectors of the English texts are learnt.
        read_start: What the student starts from.
        work: Where teacher vectors, word pieces, checkpoint and log go.
        recipe: Seeds and sizes.

    Returns:
        The student.

    Raises:
        DataError: Something of the corpus is missing.
        TrainingError: The loss is not finite, or ``work`` holds a run of another recipe.
    """
    torch.manual_seed(recipe.seed)
    work.mkdir(parents=True, exist_ok=True)
    corpus = LanguageCorpus(data, english_texts=recipe.english_texts, flatten=recipe.flatten, seed=recipe.seed)
    targets = _teacher_vectors(work, teacher, corpus.english)
    start = read_start()
    sizes = (recipe.sentences_per_step, recipe.nouns_per_step, recipe.english_per_step)
    learnt = corpus.drawn(recipe.steps, sizes)  # and no others, so that each piece that is kept is learnt too
    pieces = used_pieces(lower_pieces(start.pieces, start.scores), learnt, recipe.vocabulary_size)
    tokenizer = unigram_tokenizer(pieces)
    tokenizer.enable_truncation(recipe.most_tokens)
    encodings = tokenizer.encode_batch(list(learnt))
    token_ids = {text: np.array(encoding.ids) for text, encoding in zip(learnt, encodings, strict=True)}
    student = make_language_student(start, pieces, recipe.layers, positions=recipe.most_tokens)
    fitted = corpus.draw(0, [recipe.fitted_texts * size // sum(sizes) for size in sizes])
    texts = [corpus.texts[row] for row in fitted.texts]
    fit_projection(student, tokenizer, texts, targets[fitted.english].astype(np.float32), ridge=recipe.ridge)
    optimizer = RowAdamW(student, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    run = Run(
        folder=work,
        model=student,
        optimizer=optimizer,
        steps=recipe.steps,
        warmup=recipe.warmup,
        recipe={**json.loads(json.dumps(asdict(recipe))), "teacher": teacher.identity},
        seed=recipe.seed,
    )
    run.resume()
    student.train()
    with GradientsInParts(student, recipe.weights) as gradients_of:
        for step in run.remaining():
            drawn = corpus.draw(step, sizes)
            batch = [token_ids[corpus.texts[row]] for row in drawn.texts]
            found = gradients_of(batch, torch.from_numpy(targets[drawn.english].astype(np.float32)))
            optimizer.tell(found.rows, found.of_rows)
            run.advance(found.losses, found.gradients)
            run.note_and_save(found.losses)
    tokenizer = keep_read(student, pieces, optimizer.read_rows())
    tokenizer.enable_truncation(recipe.most_tokens)
    return LanguageStudent(encoder=student.eval(), tokenizer=tokenizer, texts=tuple(texts[::_SHOWN]))


def make_language_student(
    start: PackedEncoder, pieces: Sequence[Piece], layers: Sequence[int], *, positions: int
) -> TextEncoder:
    """A student that starts from some layers and pieces; its projection is still to be fitted.

    A piece in lower case has the mean of the vectors of those that it stands for, each times its share. Of positions
    and token types only those are kept that training texts have.
    """
    config = BertConfig(  # type: ignore[no-untyped-call]
        vocab_size=len(SPECIAL_PIECES) + len(pieces),
        hidden_size=start.width,
        num_hidden_layers=len(layers),
        num_attention_heads=start.heads,
        intermediate_size=start.feed_forward,
        max_position_embeddings=positions,
        type_vocab_size=1,
        layer_norm_eps=start.norm_epsilon,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    bert = BertModel(config, add_pooling_layer=False)  # type: ignore[no-untyped-call]
    rows = [start.table[_SPECIAL_SOURCES[special]] for special in SPECIAL_PIECES]
    rows += [np.array(piece.shares, np.float32) @ start.table[list(piece.sources)] for piece in pieces]
    state = {"embeddings.word_embeddings.weight": torch.from_numpy(np.stack(rows))}
    for name, array in start.weights.items():
        if name.startswith("encoder.layer."):
            number, rest = name.removeprefix("encoder.layer.").split(".", 1)
            if int(number) in layers:
                state[f"encoder.layer.{layers.index(int(number))}.{rest}"] = torch.from_numpy(array)
        else:
            kept = {"position_embeddings": positions, "token_type_embeddings": 1}.get(name.split(".")[1])
            state[name] = torch.from_numpy(array[:kept])
    bert.load_state_dict(state, strict=False)
    return TextEncoder(bert, nn.Linear(start.width, start.width, bias=False))


def keep_read(student: TextEncoder, pieces: Sequence[Piece], read: NDArray[np.bool_]) -> Tokenizer:
    """Leave out the pieces that no step has read, as they stood behind the end of a text that was cut.

    Args:
        student: Whose table loses their rows.
        pieces: Of its table, behind the special ones.
        read: bool [rows of the table].

    Returns:
        The tokenizer of the others.
    """
    special = len(SPECIAL_PIECES)
    table = student.bert.embeddings.word_embeddings
    kept = np.concatenate([np.arange(special), special + np.flatnonzero(read[special:])])
    weights = table.weight.detach()[torch.from_numpy(kept)]
    weights[np.flatnonzero(~read[:special])] = 0.0  # padding, which is masked wherever it stands
    table.weight = nn.Parameter(weights)
    student.bert.config.vocab_size = table.num_embeddings = len(kept)
    return unigram_tokenizer([pieces[row - special] for row in kept[special:]])


def _teacher_vectors(work: Path, teacher: LanguageTeacher, texts: Sequence[str]) -> NDArray[np.float16]:
    """What the teacher makes of each text, float16 [texts, dim], computed once and kept in ``work``."""
    digest = hashlib.sha256("\n".join([teacher.identity, *texts]).encode()).hexdigest()[:16]
    path = work / f"teacher-{digest}.npy"
    if not path.is_file():
        beside = path.with_suffix(".part.npy")
        np.save(beside, teacher.vectors_of(texts).astype(np.float16))
        beside.rename(path)
    vectors: NDArray[np.float16] = np.load(path)
    return vectors
