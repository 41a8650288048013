"""The text encoder: texts in, unit vectors out, the same for captions and for queries.

Knows tokens and the ONNX graph; knows nothing of photos, indexes or relevance.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from handler.bundle.encoder_files import ENCODER_FILES, EncoderConfiguration, identify_encoder
from handler.bundle.texts import normalise
from handler.errors import BundleError
from handler.runtime import onnxruntime, open_session

BATCH_SIZE = 32
_WORD_BEGIN = "\u2581"
"""What the pieces of a Unigram vocabulary begin with that begin a word; alone it says nothing."""


class TextEncoder(Protocol):
    """Anything that embeds texts, captions and queries, in one space."""

    @property
    def configuration(self) -> EncoderConfiguration:
        """What encoder.json says."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts as what is found: float32 [n, dim], unit L2 norm."""

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts as what is asked, which is the same unless the model tells them apart."""

    def canonical(self, text: str) -> str:
        """A query in the form that is encoded: two that are the same here have the same vector."""

    def knows(self, text: str) -> bool:
        """Whether the vector of a text says anything."""

    def is_word(self, word: str) -> bool:
        """Whether a word is known whole."""

    def rank(self, word: str) -> int | None:
        """How many words are used more often than one that is known whole, or about so; None for another."""

    @property
    def words(self) -> Sequence[str]:
        """Words that are known whole, those that are used most first; none where that can't be told."""


class Encoder:
    """An ONNX sentence encoder with its tokenizer; see handler/README.md for its files."""

    def __init__(
        self,
        *,
        folder: Path,
        configuration: EncoderConfiguration,
        tokenizer: Tokenizer,
        session: onnxruntime.InferenceSession,
    ) -> None:
        self.configuration = configuration
        self._folder = folder
        self._tokenizer = tokenizer
        self._session = session

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1) -> Self:
        """Open the encoder whose four files lie in `folder`.

        Raises:
            BundleError: Where a file is missing or is not what it should be.
        """
        for name in ENCODER_FILES:
            if not (folder / name).is_file():
                raise BundleError(f"Encoder file missing: {name} (expected in {folder})")
        configuration = EncoderConfiguration.read(folder / "encoder.json")
        return cls(
            folder=folder,
            configuration=configuration,
            tokenizer=_open_tokenizer(folder / "tokenizer.json", configuration.max_tokens),
            session=_open_session(folder / "encoder.onnx", threads, configuration.dim),
        )

    @property
    def dim(self) -> int:
        """Components of a vector."""
        return self.configuration.dim

    @cached_property
    def identity(self) -> str:
        """Identity over the encoder's files, all of which are read when it is first asked for."""
        return identify_encoder(self._folder)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts as what is found, such as captions.

        They are normalised first; one that is too long is cut at the encoder's length.

        Returns:
            float32 [n, dim], unit L2 norm.
        """
        return self._encode(self.configuration.document_prompt, texts)

    def encode_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts as what is asked."""
        return self._encode(self.configuration.query_prompt, texts)

    def _encode(self, prompt: str, texts: Sequence[str]) -> NDArray[np.float32]:
        encodings = [self._tokenizer.encode(prompt + normalise(text)) for text in texts]
        vectors = np.empty((len(encodings), self.dim), dtype=np.float32)
        # Batches of similar length: a batch costs its longest text times its size.
        order = sorted(range(len(encodings)), key=lambda i: len(encodings[i]))
        for start in range(0, len(order), BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            vectors[batch] = self._run([encodings[i] for i in batch])
        return vectors

    def canonical(self, text: str) -> str:
        """A query in the form that is encoded: two that are the same here have the same vector.

        Example: "  A Dog" -> "a dog" where the tokenizer takes no notice of case, else "A Dog"
        """
        text = normalise(text)
        return text.lower() if self._ignores_case else text

    @cached_property
    def _ignores_case(self) -> bool:
        normalizer = self._tokenizer.normalizer
        return normalizer is not None and normalizer.normalize_str("A") == normalizer.normalize_str("a")

    def knows(self, text: str) -> bool:
        """Whether at least one token of the text is in the encoder's vocabulary.

        The vector of a text without any (emoji, a script that it never saw) says nothing.
        """
        encoding = self._tokenizer.encode(normalise(text))
        said_nothing = {self._tokenizer.token_to_id(token) for token in (self._unknown, _WORD_BEGIN)}
        return any(
            number not in said_nothing and not special
            for number, special in zip(encoding.ids, encoding.special_tokens_mask, strict=True)
        )

    @property
    def _unknown(self) -> str:
        """The token that stands for what isn't in the vocabulary; Unigram doesn't say which, and calls it so."""
        return getattr(self._tokenizer.model, "unk_token", None) or "<unk>"

    def is_word(self, word: str) -> bool:
        """Whether a word stands whole in the vocabulary: as it is, or as one piece with the mark of a word's begin."""
        return self.rank(word) is not None

    def rank(self, word: str) -> int | None:
        """The place of a word that stands whole in the vocabulary, which has those first that are used most."""
        mark = _WORD_BEGIN if type(self._tokenizer.model).__name__ == "Unigram" else ""
        place: int | None = self._tokenizer.token_to_id(mark + word)
        return place

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The whole words of a vocabulary of words and their pieces, in its order; none of one of another kind."""
        if type(self._tokenizer.model).__name__ not in ("WordPiece", "WordLevel"):
            return ()
        vocabulary = self._tokenizer.get_vocab(with_added_tokens=False)
        return tuple(word for word in sorted(vocabulary, key=vocabulary.__getitem__) if word.isalpha())

    def _run(self, encodings: Sequence[Encoding]) -> NDArray[np.float32]:
        """Vectors of one batch, float32 [n, dim]; shorter texts are padded and masked."""
        longest = max(len(encoding) for encoding in encodings)
        input_ids = np.zeros((len(encodings), longest), dtype=np.int64)
        attention_mask = np.zeros_like(input_ids)
        for row, encoding in enumerate(encodings):
            input_ids[row, : len(encoding)] = encoding.ids
            attention_mask[row, : len(encoding)] = 1
        (vectors,) = self._session.run(
            ["sentence_embedding"], {"input_ids": input_ids, "attention_mask": attention_mask}
        )
        result: NDArray[np.float32] = vectors
        return result


def _open_tokenizer(path: Path, max_tokens: int) -> Tokenizer:
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception for whatever it cannot read
        raise BundleError(f"{path.name} is not a tokenizer: {error}") from error
    # A tokenizer may be shipped with padding to a fixed length, which every query would pay for.
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


def _open_session(path: Path, threads: int, dim: int) -> onnxruntime.InferenceSession:
    session = open_session(path, threads=threads, exact_bytes=True)
    inputs = {(node.name, node.type) for node in session.get_inputs()}
    outputs = {(node.name, node.type): node.shape for node in session.get_outputs()}
    expected = {("input_ids", "tensor(int64)"), ("attention_mask", "tensor(int64)")}
    if inputs != expected:
        raise BundleError(f"Unexpected inputs {sorted(inputs)} (expected {sorted(expected)}) of {path.name}")
    shape = outputs.get(("sentence_embedding", "tensor(float)"))
    if shape is None or len(shape) != 2 or shape[1] != dim:
        raise BundleError(
            f"Unexpected outputs {outputs} (expected float sentence_embedding [batch, {dim}]) of {path.name}"
        )
    return session
