"""Decoding over a decoder that is a table of probabilities."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from export.understanding.beam_search import Decoding, Hypothesis, Step, decode

END = 0


class MarkovDecoder:
    """The next token depends on the photo and the last token; what each row has read is remembered."""

    def __init__(self, photos: int, vocabulary: int, *, seed: int) -> None:
        random = np.random.default_rng(seed)
        probabilities = random.dirichlet(np.full(vocabulary, 0.5), (photos, vocabulary))
        self.logits = np.log(np.maximum(probabilities, 1e-9)).astype(np.float32)
        self.rows_read = 0
        self.read: list[list[int]] = []

    def __call__(self, tokens: NDArray[np.int64], parents: NDArray[np.int64], photos: NDArray[np.int64]) -> Step:
        self.rows_read += len(tokens)
        before = self.read or [[] for _ in photos]
        self.read = [[*before[parent], *row] for parent, row in zip(parents, tokens.tolist(), strict=True)]
        scores = self.logits[photos.repeat(len(tokens) // len(photos)), tokens[:, -1]]
        candidates = np.argsort(-scores, axis=1, kind="stable")
        return Step(scores=np.take_along_axis(scores, candidates, 1), candidates=candidates)

    def log_probability(self, photo: int, tokens: tuple[int, ...]) -> float:
        return float(sum(self.logits[photo, last, token] for last, token in itertools.pairwise(tokens)))


def best_of_all(decoder: MarkovDecoder, photo: int, begin: int, decoding: Decoding) -> list[int]:
    """The best answer of all there are, by trying each."""
    vocabulary = decoder.logits.shape[-1]
    scored = []
    for length in range(1, decoding.max_new_tokens + 1):
        for tokens in itertools.product(range(1, vocabulary), repeat=length - 1):
            for last in [END] if length < decoding.max_new_tokens else range(vocabulary):
                score = decoder.log_probability(photo, (begin, *tokens, last)) / length**decoding.length_penalty
                scored.append((score, [token for token in (*tokens, last) if token != END]))
    return max(scored)[1]


def best(hypotheses: list[list[Hypothesis]]) -> list[list[int]]:
    return [of_photo[0].tokens for of_photo in hypotheses]


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_enough_beams_find_the_best_of_all_answers(seed: int, length_penalty: float) -> None:
    decoder = MarkovDecoder(photos=3, vocabulary=4, seed=seed)
    decoding = Decoding(beams=200, max_new_tokens=4, length_penalty=length_penalty)
    answers = best(decode(decoder, [2, 3], 3, end_id=END, decoding=decoding))
    assert answers == [best_of_all(decoder, photo, 3, decoding) for photo in range(3)]


@pytest.mark.parametrize("seed", range(5))
def test_one_beam_takes_the_most_probable_token_each_time(seed: int) -> None:
    decoder = MarkovDecoder(photos=4, vocabulary=9, seed=seed)
    expected = []
    for photo in range(4):
        tokens = [5]
        while len(tokens) <= 6 and (len(tokens) == 1 or tokens[-1] != END):
            tokens.append(int(decoder.logits[photo, tokens[-1]].argmax()))
        expected.append([token for token in tokens[1:] if token != END])
    assert best(decode(decoder, [5], 4, end_id=END, decoding=Decoding(beams=1, max_new_tokens=6))) == expected


@pytest.mark.parametrize("beams", [1, 3])
def test_what_was_said_is_said_again_only_where_it_is_free(beams: int) -> None:
    decoder = MarkovDecoder(photos=5, vocabulary=9, seed=3)
    decoder.logits[:, :, END] = -9.0  # nothing ends early
    free = np.isin(np.arange(9), [2, 3])
    penalties = np.where(free, 0.0, 100.0).astype(np.float32)

    def said_again(penalties: NDArray[np.float32] | None) -> set[int]:
        decoding = Decoding(beams=beams, max_new_tokens=7, repetition_penalties=penalties)
        answers = best(decode(decoder, [5], 5, end_id=END, decoding=decoding))
        return {token for answer in answers for token in answer if answer.count(token) > 1}

    assert said_again(None) - {2, 3}
    assert said_again(penalties) <= {2, 3}
    assert said_again(penalties)


def test_a_photo_s_answer_does_not_depend_on_its_neighbours() -> None:
    decoder = MarkovDecoder(photos=6, vocabulary=8, seed=7)
    together = decode(decoder, [1], 6, end_id=END, decoding=Decoding(beams=3))
    for photo in range(6):
        decoder.read = []

        def alone(
            tokens: NDArray[np.int64], parents: NDArray[np.int64], photos: NDArray[np.int64], photo: int = photo
        ) -> Step:
            assert photos.tolist() == [0]
            return decoder(tokens, parents, np.array([photo]))

        assert decode(alone, [1], 1, end_id=END, decoding=Decoding(beams=3)) == [together[photo]]


def test_rows_go_on_what_their_hypotheses_have_read() -> None:
    decoder = MarkovDecoder(photos=3, vocabulary=6, seed=2)
    decoder.logits[:, :, END] = -20.0  # nothing ends before it is cut
    answers = best(decode(decoder, [4, 1], 3, end_id=END, decoding=Decoding(beams=4, max_new_tokens=5)))
    for photo, answer in enumerate(answers):
        assert [4, 1, *answer[:-1]] in decoder.read[4 * photo : 4 * photo + 4]


def test_decoding_stops_once_every_answer_has_ended() -> None:
    decoder = MarkovDecoder(photos=2, vocabulary=3, seed=0)
    decoder.logits[:] = np.log(1e-6)
    decoder.logits[:, :, END] = 0.0
    assert best(decode(decoder, [1], 2, end_id=END, decoding=Decoding(beams=1, max_new_tokens=50))) == [[], []]
    assert decoder.rows_read == 2


def test_photos_whose_answers_have_ended_are_not_read_on() -> None:
    decoder = MarkovDecoder(photos=8, vocabulary=3, seed=0)
    decoder.logits[:, :, END] = np.where(np.arange(8) < 6, -1e-6, -20.0)[:, None]  # six end at once, two never
    answers = best(decode(decoder, [1], 8, end_id=END, decoding=Decoding(beams=1, max_new_tokens=5)))
    assert [len(answer) for answer in answers] == [0] * 6 + [5] * 2
    assert decoder.rows_read == 8 + 2 * 4


def test_hypotheses_come_best_first_with_their_scores() -> None:
    decoder = MarkovDecoder(photos=3, vocabulary=5, seed=4)
    decoding = Decoding(beams=4, max_new_tokens=3, length_penalty=1.0)
    for photo, hypotheses in enumerate(decode(decoder, [2], 3, end_id=END, decoding=decoding)):
        assert len({tuple(each.tokens) for each in hypotheses}) == 4
        for each in hypotheses:
            ended = each.tokens if len(each.tokens) == 3 else [*each.tokens, END]
            expected = decoder.log_probability(photo, (2, *ended)) / len(ended)
            assert each.score == pytest.approx(expected, abs=1e-4)
        scores = [each.score for each in hypotheses]
        assert scores == sorted(scores, reverse=True)
