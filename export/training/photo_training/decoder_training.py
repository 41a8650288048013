"""Training the decoder in three runs, each from the last one's weights; backbone and visual head stay as they are.

1. *language*: from a caption's vector and an instruction to an answer, on every caption list (text
   only, as in CapDec, Nukrai et al. 2022, arXiv 2211.00575: noise stands for the gap between a
   caption's vector and a photo's).
2. *answers*: from photos, four instructions at once, cross-entropy on the answer; beside it, where there is a
   teacher with the same vocabulary, the divergence from the teacher's next words.
3. *rewards*: self-critical training (Rennie et al. 2017, arXiv 1612.00563): captions are sampled. Those that people's
   captions of the photo agree with more than with the other samples become likelier, those that name what nobody saw
   there less likely (invention.py). The answers to all instructions are learnt on beside it, so that none is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from export.training.data.caption_text import BEGIN_ID, END_ID, PADDING_ID, plain_words
from export.training.data.tasks import DESCRIBE, Answer, Lexicon, choose_answer
from export.training.photo_model.photo_model import PhotoModel
from export.training.photo_training.cider import CiderReward
from export.training.photo_training.invention import Invention
from export.training.photo_training.photo_data import PhotoData
from export.training.photo_training.teaching import ChooseAnswer, DecoderRecipe, Teaching, WordTeacher, remember
from export.training.text_encoder.sentence_model import EmbedTexts
from export.training.training_run import shuffled_batch


def train_decoder(
    model: PhotoModel,
    tokenizer: Tokenizer,
    lists: Sequence[tuple[str, ...]],
    training: PhotoData,
    lexicon: Lexicon,
    work: Path,
    recipe: DecoderRecipe,
    vectors_of: EmbedTexts,
    teacher: WordTeacher | None = None,
) -> None:
    """Train the decoder in place, or go on with runs that were interrupted.

    Args:
        model: Its backbone and visual head are trained; they stay as they are.
        tokenizer: The decoder's.
        lists: Captions of one photo each, for the language run.
        training: Photos to learn from.
        lexicon: Finds the answers to the instructions in captions.
        work: Each run has a folder below it.
        recipe: Seeds and sizes.
        vectors_of: The text encoder.
        teacher: Whose next words are learnt too.
    """
    teaching = Teaching(model=model, tokenizer=tokenizer, recipe=recipe, teacher=teacher)

    def choose(captions: Sequence[str], random: np.random.Generator) -> Answer:
        return choose_answer(captions, lexicon, random, recipe.shares)

    def choose_of(row: int, random: np.random.Generator) -> Answer:
        return choose(training.photos[row].captions, random)

    _train_language(teaching, lists, choose, work / "language", vectors_of)
    train_answers(teaching, training, choose_of, work / "answers")
    train_rewards(teaching, training, choose_of, work / "rewards", Invention(training.photos, lexicon))
    model.eval()


def _train_language(
    teaching: Teaching,
    lists: Sequence[tuple[str, ...]],
    choose: Callable[[Sequence[str], np.random.Generator], Answer],
    work: Path,
    vectors_of: EmbedTexts,
) -> None:
    recipe, model = teaching.recipe, teaching.model
    run = teaching.run(work, recipe.language_rate, recipe.language_steps)
    model.train_decoder()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 2))
        chosen = random.choice(len(lists), min(recipe.language_batch, len(lists)), replace=False)
        answers = [choose(lists[row], random) for row in chosen]
        about = [lists[row][int(random.integers(len(lists[row])))] for row in chosen]
        described = [
            answer.text if answer.instruction == DESCRIBE else caption
            for answer, caption in zip(answers, about, strict=True)
        ]
        vectors = vectors_of(described)
        noisy = vectors + recipe.language_noise * random.standard_normal(vectors.shape).astype(np.float32)
        noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
        with torch.autocast("cpu", torch.bfloat16):
            memory = model.remember_text(torch.from_numpy(noisy))
        losses = {"answers": teaching.answer_loss(answers, memory)}
        run.advance(losses)
        run.note_and_save(losses)
    run.use_averages()


def train_answers(teaching: Teaching, data: PhotoData, choose: ChooseAnswer, work: Path) -> None:
    """The run of answers, in place; interrupted, it goes on where it was.

    Args:
        teaching: The model, whose vision half stays as it is.
        data: Photos to learn from.
        choose: What is answered.
        work: The run's folder.
    """
    recipe, model = teaching.recipe, teaching.model
    run = teaching.run(work, recipe.answer_rate, recipe.answer_steps)
    model.train_decoder()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 3))
        rows = shuffled_batch(step, recipe.photos_per_step, len(data.photos), seed=(recipe.seed, 5))
        answers = [choose(int(row), random) for row in rows for _ in range(recipe.answers_per_photo)]
        losses = teaching.answer_losses(answers, teaching.images(data, rows, random))
        run.advance(losses)
        run.note_and_save(losses)
    run.use_averages()
    model.eval()


def train_rewards(
    teaching: Teaching, data: PhotoData, choose: ChooseAnswer, work: Path, invention: Invention | None = None
) -> None:
    """The run of rewards; the same arguments, and what tells inventions, which cost, if there is anything."""
    recipe, model = teaching.recipe, teaching.model
    run = teaching.run(work, recipe.reward_rate, recipe.reward_steps)
    reward = CiderReward([[plain_words(text) for text in photo.captions] for photo in data.photos])
    prefix = [*teaching.tokenizer.encode(DESCRIBE).ids, BEGIN_ID]
    model.eval()
    for step in run.remaining():
        random = np.random.default_rng((recipe.seed, step, 9))
        rows = shuffled_batch(step, recipe.photos_per_step, len(data.photos), seed=(recipe.seed, 10))
        memory = remember(model, teaching.images(data, rows, random))
        sampled = sample(model, prefix, memory, samples=recipe.samples, longest=recipe.longest_sample)
        texts = teaching.tokenizer.decode_batch([_until_end(row) for row in sampled.tolist()])
        of_rows = [int(row) for row in rows.repeat(recipe.samples)]
        cider = torch.tensor([reward.score(row, plain_words(text)) for row, text in zip(of_rows, texts, strict=True)])
        cider = cider.masked_fill(torch.tensor([bool(data.photos[row].names) for row in of_rows]), 0.0)
        invented = torch.zeros(len(texts))
        if invention:
            invented += torch.tensor([invention.share(row, text) for row, text in zip(of_rows, texts, strict=True)])
        rewards = cider - recipe.invention_cost * invented
        answers = [choose(int(row), random) for row in rows]
        losses = {
            "rewards": _policy_loss(model, prefix, sampled, memory, _advantages(rewards, recipe.samples)),
            "answers": recipe.answer_weight * teaching.answer_loss(answers, memory),
        }
        run.advance(losses)
        run.note_and_save({**losses, "cider": cider.mean(), "invented": invented.mean()})
    run.use_averages()


@torch.no_grad()
def sample(model: PhotoModel, prefix: Sequence[int], memory: Tensor, *, samples: int, longest: int) -> Tensor:
    """Sample answers about each photo from the model's own distribution.

    Args:
        model: In evaluation mode, so that what is sampled is what is rewarded.
        prefix: The instruction's tokens and the begin token.
        memory: [photos, layers, 2, heads, slots, head_width].
        samples: Of each photo.
        longest: Tokens after which an answer is cut.

    Returns:
        int64 [photos * samples, steps], photo by photo, steps at most ``longest``: the answers with their end tokens,
        then padding.
    """
    rows = len(memory) * samples
    tokens = torch.tensor(prefix).expand(rows, -1)
    cache = model.empty_cache(rows)
    written = []
    ended = torch.zeros(rows, dtype=torch.bool)
    for _ in range(longest):
        with torch.autocast("cpu", torch.bfloat16):
            decoded = model.decode(tokens, memory, cache)
        cache = decoded.cache
        chosen = _draw(decoded.logits[:, -1].float().softmax(-1)).masked_fill(ended, PADDING_ID)
        written.append(chosen)
        ended = ended | (chosen == END_ID)
        if ended.all():
            break
        tokens = chosen[:, None]
    return torch.stack(written, dim=1)


def _draw(probabilities: Tensor) -> Tensor:
    """One column of each row, as probable as it says, by the inverse of its distribution: int64 [rows].

    torch.multinomial draws a number for each of the thousands of columns, which took a third of a step.
    """
    reached = probabilities.cumsum(1)
    drawn = torch.rand(len(reached), 1) * reached[:, -1:]
    return torch.searchsorted(reached, drawn, right=True)[:, 0].clamp(max=probabilities.shape[1] - 1)


def _advantages(rewards: Tensor, samples: int) -> Tensor:
    """How much better each sample is than the mean of the photo's others (Luo 2020, arXiv 2003.09971)."""
    by_photo = rewards.view(-1, samples)
    others = (by_photo.sum(1, keepdim=True) - by_photo) / (samples - 1)
    return (by_photo - others).flatten()


def _policy_loss(
    model: PhotoModel, prefix: Sequence[int], sampled: Tensor, memory: Tensor, advantages: Tensor
) -> Tensor:
    """Minus the log probability of the sampled tokens, weighted by how good the whole sample is."""
    written = sampled != PADDING_ID
    tokens = torch.cat([torch.tensor(prefix).expand(len(sampled), -1), sampled[:, :-1]], dim=1)
    with torch.autocast("cpu", torch.bfloat16):
        logits = model.decode(tokens, memory, model.empty_cache(len(sampled))).logits[:, len(prefix) - 1 :]
    likelihood = -functional.cross_entropy(logits.float().transpose(1, 2), sampled, reduction="none")
    return -(likelihood * written * advantages[:, None]).sum() / written.sum()


def _until_end(tokens: list[int]) -> list[int]:
    return tokens[: tokens.index(END_ID)] if END_ID in tokens else tokens
