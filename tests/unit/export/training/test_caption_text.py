"""Answers as the decoder reads and writes them."""

from __future__ import annotations

from export.training.data.caption_text import BEGIN_ID, END_ID, make_examples, plain_words, train_tokenizer
from export.training.data.tasks import BRIEFLY, DESCRIBE, Answer
from export.training.losses import IGNORED

CAPTIONS = ["A man's dog runs", "A dog", "A black-and-white dog runs, then jumps over a log"]


def test_a_tokenizer_gives_lower_case_text_back() -> None:
    tokenizer = train_tokenizer(CAPTIONS * 3, 200)
    for caption in CAPTIONS:
        assert tokenizer.decode(tokenizer.encode(caption).ids) == caption.lower()
        assert not {0, 1, 2} & set(tokenizer.encode(caption).ids)


def test_the_loss_counts_the_answer_and_its_end_only() -> None:
    tokenizer = train_tokenizer(CAPTIONS * 3, 200)
    answers = [Answer(instruction=DESCRIBE, text=CAPTIONS[0]), Answer(instruction=BRIEFLY, text=CAPTIONS[1])]
    examples = make_examples(tokenizer, answers, max_tokens=48)
    for row, answer in enumerate(answers):
        prefix, written = tokenizer.encode(answer.instruction).ids, tokenizer.encode(answer.text).ids
        read = [*prefix, BEGIN_ID, *written]
        assert examples.tokens[row, : len(read)].tolist() == read
        targets = [IGNORED] * len(prefix) + [*written, END_ID]
        padding = examples.targets.shape[1] - len(targets)
        assert examples.targets[row].tolist() == targets + [IGNORED] * padding


def test_long_examples_are_cut_without_an_end() -> None:
    tokenizer = train_tokenizer(CAPTIONS * 3, 200)
    examples = make_examples(tokenizer, [Answer(instruction=DESCRIBE, text=CAPTIONS[2])], max_tokens=20)
    assert examples.tokens.shape == examples.targets.shape == (1, 20)
    assert END_ID not in examples.targets[0].tolist()
    counted = examples.targets[0] != IGNORED
    assert examples.tokens[0, 1:][counted[:-1]].tolist() == examples.targets[0][counted][:-1].tolist()


def test_plain_words_are_what_captions_are_compared_by() -> None:
    assert plain_words("A man's  black-and-white DOG, running.") == "a man's black and white dog running"
