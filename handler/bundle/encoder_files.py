"""The encoder's files: what they are called, what encoder.json says, and what tells one encoder from another.

Knows names, sizes and hashes; runs nothing, so that it is read before the libraries that run an encoder are loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from handler.bundle.fields import Fields
from handler.errors import BundleError

ENCODER_FILES = ("encoder.bin", "encoder.json", "encoder.onnx", "tokenizer.json")
MAX_DIM = 8_192
MAX_TOKENS = 8_192
MAX_CONFIGURATION_BYTES = 1 << 16
MAX_PROMPT = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderConfiguration:
    """What encoder.json says: the model's name, its dimensions, its longest text in tokens.

    `space` is the identity of the encoder whose vectors it gives, where it has learnt to give another's; most don't
    say so, and have a space of their own.

    Models that were taught to tell what is asked from what is found read a prompt before each: `query_prompt` before
    queries, `document_prompt` before captions.
    """

    name: str
    dim: int
    max_tokens: int
    space: str | None = None
    query_prompt: str = ""
    document_prompt: str = ""

    @property
    def tells_queries_apart(self) -> bool:
        """Whether a text has one vector as a query and another as a caption."""
        return self.query_prompt != self.document_prompt

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check encoder.json; raises BundleError."""
        with path.open("rb") as file:
            data = file.read(MAX_CONFIGURATION_BYTES + 1)
        if len(data) > MAX_CONFIGURATION_BYTES:
            raise BundleError(f"{path.name} is longer than {MAX_CONFIGURATION_BYTES} bytes")
        fields = Fields.parse(data, name=path.name)
        prompts = fields.child("prompts") if fields.has("prompts") else None
        configuration = cls(
            name=fields.text("name", max_length=256),
            dim=fields.integer("dim", low=1, high=MAX_DIM),
            max_tokens=fields.integer("max_tokens", low=3, high=MAX_TOKENS),
            space=fields.digest("space") if fields.has("space") else None,
            query_prompt=prompts.text("query", max_length=MAX_PROMPT) if prompts else "",
            document_prompt=prompts.text("document", max_length=MAX_PROMPT) if prompts else "",
        )
        for read in filter(None, (prompts, fields)):
            read.finish()
        return configuration

    def to_json(self) -> str:
        """What encoder.json is to say."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        prompts = {"query": said.pop("query_prompt"), "document": said.pop("document_prompt")}
        return json.dumps({**said, "prompts": prompts} if any(prompts.values()) else said, indent=2) + "\n"


def encoder_identity(hashes: Mapping[str, str]) -> str:
    r"""Identity of an encoder, from the sha256 of each of ENCODER_FILES.

    It is the sha256 of the lines "<sha256>  <name>\n" in the order of the names, which is what
    `sha256sum encoder.bin encoder.json encoder.onnx tokenizer.json | sha256sum` prints.
    """
    lines = "".join(f"{hashes[name]}  {name}\n" for name in sorted(ENCODER_FILES))
    return hashlib.sha256(lines.encode()).hexdigest()


def identify_encoder(folder: Path) -> str:
    """Identity of the encoder whose files lie in a folder, all of which are read. Raises OSError."""
    hashes = {}
    for name in ENCODER_FILES:
        with (folder / name).open("rb") as file:
            hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return encoder_identity(hashes)
