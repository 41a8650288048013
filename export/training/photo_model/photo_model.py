"""The photo model: one vision backbone, a visual view for search, and a decoder that answers instructions.

It knows tensors, nothing of files or training. The decoder is a pre-norm transformer (Vaswani
et al. 2017, arXiv 1706.03762) whose keys and values over the photo are computed once, whose own
are cached, and whose prefix is the instruction: P(answer | photo, instruction).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from export.training.photo_model.backbone import CELL_PIXELS, GRID_WIDTH, Backbone
from export.training.photo_model.hubness import Hubness

NAME_TEMPERATURE = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoModelShape:
    """Sizes of the photo model, in numbers of units unless said otherwise.

    Attributes:
        trained_size: Side in pixels of the squares it is trained on; it takes other sizes too.
        visual_members: Heads whose mean is the visual view, each of ``visual_hidden`` units.
        bank: Texts that photos' views are set against.
        names: How many names are told from the visual view; at least 1.
    """

    trained_size: int = 192
    dim: int = 384
    visual_members: int = 2
    visual_hidden: int = 672
    bank: int = 1_500
    names: int = 1
    width: int = 320
    heads: int = 8
    layers: int = 3
    vocabulary_size: int = 6_000
    max_tokens: int = 48

    @property
    def trained_side(self) -> int:
        """Cells along a side of the backbone's grid in training."""
        return self.trained_size // CELL_PIXELS

    @property
    def head_width(self) -> int:
        return self.width // self.heads


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """What the vision half gives: the visual view, how probable each name is, and the decoder's keys and values."""

    visual: Tensor
    names: Tensor
    memory: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What the decoder gives: logits of the next token and the grown cache."""

    logits: Tensor
    cache: Tensor


class VisualHead(nn.Module):
    """The visual view: pooled grid -> a unit vector in the text encoder's space.

    It is the mean of what several members see, which learn the same from different starts: together they are wrong less
    often (Hansen and Salamon 1990, "Neural network ensembles").
    """

    def __init__(self, shape: PhotoModelShape) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(2 * GRID_WIDTH)
        self.hidden = nn.Linear(2 * GRID_WIDTH, shape.visual_members * shape.visual_hidden)
        self.project = nn.ModuleList([nn.Linear(shape.visual_hidden, shape.dim) for _ in range(shape.visual_members)])
        self.dropout = nn.Dropout(0.2)

    @staticmethod
    def pool(grid: Tensor) -> Tensor:
        """Mean and maximum of each channel over the grid: [n, 1280, side, side] -> [n, 2560]."""
        return torch.cat([grid.mean((2, 3)), grid.amax((2, 3))], dim=1)

    def members(self, pooled: Tensor) -> list[Tensor]:
        """What each member sees: float32 [n, dim], unit L2 norm."""
        hidden = self.dropout(functional.gelu(self.hidden(self.dropout(self.norm(pooled)))))
        parts = hidden.chunk(len(self.project), dim=-1)
        return [
            functional.normalize(project(part).float(), dim=-1)
            for project, part in zip(self.project, parts, strict=True)
        ]

    def forward(self, pooled: Tensor) -> Tensor:
        return functional.normalize(torch.stack(self.members(pooled)).sum(0), dim=-1)

    def restart(self, pooled: Tensor) -> None:
        """Forget what was learnt, and start with every channel of some photos' pooled grids at mean 0 and deviation 1.

        A data-dependent start (Salimans and Kingma 2016, arXiv 1602.07868, section 3): without it, the few channels of
        large deviation drown the others.
        """
        self.norm.reset_parameters()
        with torch.no_grad():
            normal = self.norm(pooled)
            scale = 1.0 / normal.std(0).clamp(min=0.05)
            self.norm.bias.copy_(-normal.mean(0) * scale)
            self.norm.weight.copy_(scale)
        for linear in (self.hidden, *self.project):
            linear.reset_parameters()


class DecoderLayer(nn.Module):
    """One layer of the decoder: attention to what was said, attention to the photo, two linear layers."""

    def __init__(self, shape: PhotoModelShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.norm_self, self.norm_photo, self.norm_feed = (nn.LayerNorm(width) for _ in range(3))
        self.self_in = nn.Linear(width, 3 * width)
        self.self_out = nn.Linear(width, width)
        self.photo_query = nn.Linear(width, width)
        self.photo_out = nn.Linear(width, width)
        self.feed_in = nn.Linear(width, 4 * width)
        self.feed_out = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x: Tensor, memory: Tensor, cache: Tensor, mask: Tensor) -> Decoded:
        """One layer: x [rows, steps, width], memory [photos, 2, heads, slots, head_width], cache [rows, 2, …].

        All rows of a photo look at it as one row of more steps, so that its memory is read where it lies.
        """
        query, key, value = (self._split(part) for part in self.self_in(self.norm_self(x)).chunk(3, dim=-1))
        grown = torch.cat([cache.to(key.dtype), torch.stack([key, value], dim=1)], dim=3)
        x = x + self.dropout(self.self_out(self._attend(query, grown, mask)))
        query = self._split(self.photo_query(self.norm_photo(x)).reshape(memory.shape[0], -1, self.shape.width))
        x = x + self.dropout(self.photo_out(self._attend(query, memory, None).reshape(x.shape)))
        x = x + self.dropout(self.feed_out(functional.gelu(self.feed_in(self.norm_feed(x)))))
        return Decoded(logits=x, cache=grown)

    def _split(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:2], self.shape.heads, self.shape.head_width).transpose(1, 2)

    def _attend(self, query: Tensor, keys_values: Tensor, mask: Tensor | None) -> Tensor:
        key, value = keys_values[:, 0], keys_values[:, 1]
        scores = query @ key.transpose(-1, -2) * self.shape.head_width**-0.5
        if mask is not None:
            scores = scores + mask
        attended: Tensor = (scores.softmax(-1).to(value.dtype) @ value).transpose(1, 2).flatten(2)
        return attended


class PhotoModel(nn.Module):
    """Backbone, visual head and decoder; the two halves that are exported are ``understand`` and ``decode``.

    Attributes:
        names: float32 [names, dim], the vectors of what the names are called, unit L2 norm.
    """

    names: Tensor

    def __init__(self, shape: PhotoModelShape) -> None:
        super().__init__()
        self.shape = shape
        self.backbone = Backbone()
        self.visual_head = VisualHead(shape)
        self.hubness = Hubness(size=shape.bank, dim=shape.dim)
        self.cell_projection = nn.Linear(GRID_WIDTH, shape.width)
        self.visual_projection = nn.Linear(shape.dim, shape.width)
        self.visual_embedding = nn.Parameter(torch.randn(shape.width) * 0.02)
        self.register_buffer("names", torch.zeros(shape.names, shape.dim))
        self.name_projection = nn.Linear(shape.dim, shape.width)
        self.name_embedding = nn.Parameter(torch.randn(shape.width) * 0.02)
        self.cell_embedding = nn.Parameter(torch.randn(shape.width, shape.trained_side, shape.trained_side) * 0.02)
        self.memory_norm = nn.LayerNorm(shape.width)
        self.memory_in = nn.Linear(shape.width, 2 * shape.layers * shape.width)
        self.token_embedding = nn.Embedding(shape.vocabulary_size, shape.width)
        nn.init.normal_(self.token_embedding.weight, std=0.05)
        self.position_embedding = nn.Parameter(torch.randn(shape.max_tokens, shape.width) * 0.02)
        self.layers = nn.ModuleList([DecoderLayer(shape) for _ in range(shape.layers)])
        self.norm = nn.LayerNorm(shape.width)

    def understand(self, pixels: Tensor) -> Understood:
        """The visual view of photos and the decoder's memory of them.

        Args:
            pixels: float32 [n, 3, size, size] in [-1, 1], size a multiple of 32.

        Returns:
            visual float32 [n, dim], unit L2 norm; names float32 [n, names], probabilities; memory
            [n, layers, 2, heads, slots, head_width], where the slots are the visual view, what its names say together,
            and the cells of the grid.
        """
        grid = self.backbone(pixels)
        visual = self.visual_head(VisualHead.pool(grid))
        return Understood(visual=visual, names=self.tell_names(visual), memory=self.remember(grid, visual))

    def tell_names(self, visual: Tensor) -> Tensor:
        """How probable each name is, float32 [n, names], by the softmax that it was trained with (losses.name_loss)."""
        return (visual @ self.names.T / NAME_TEMPERATURE).softmax(-1)

    def understand_as_served(self, pixels: Tensor) -> Understood:
        """The same with the visual view less its hubness."""
        understood = self.understand(pixels)
        return replace(understood, visual=self.hubness(understood.visual))

    def remember(self, grid: Tensor, visual: Tensor) -> Tensor:
        """The decoder's keys and values over a photo: [n, layers, 2, heads, slots, head_width]."""
        cells = self.cell_projection(grid.flatten(2).transpose(1, 2))
        places: Tensor = self.cell_embedding
        if grid.shape[-1] != self.shape.trained_side:
            places = functional.interpolate(places[None], size=grid.shape[-2:], mode="bicubic", align_corners=False)[0]
        cells = cells + places.flatten(1).T
        return self._keys_values(torch.cat([self._visual_slot(visual), self._name_slot(visual), cells], dim=1))

    def remember_text(self, vectors: Tensor) -> Tensor:
        """The same of a photo of which only the vector of a caption is known: one slot."""
        return self._keys_values(torch.cat([self._visual_slot(vectors), self._name_slot(vectors)], dim=1))

    def decode(self, tokens: Tensor, memory: Tensor, cache: Tensor) -> Decoded:
        """Logits after each of some new tokens, given those before them in the cache.

        Args:
            tokens: int64 [rows, steps]; as many rows for each photo, photo by photo.
            memory: [photos, layers, 2, heads, slots, head_width].
            cache: [rows, layers, 2, heads, past, head_width]; past is 0 at the start.

        Returns:
            logits [rows, steps, vocabulary_size] and the cache with past + steps.
        """
        past, steps = cache.shape[4], tokens.shape[1]
        positions = torch.arange(past, past + steps, device=tokens.device)
        x = self.token_embedding(tokens) + self.position_embedding[positions]
        seen = torch.arange(past + steps, device=tokens.device)[None, :] <= positions[:, None]
        mask = torch.zeros(seen.shape, dtype=x.dtype, device=tokens.device).masked_fill(~seen, -1e4)
        grown = []
        for number, layer in enumerate(self.layers):
            read: Decoded = layer(x, memory[:, number], cache[:, number], mask)
            x = read.logits
            grown.append(read.cache)
        logits = functional.linear(self.norm(x), self.token_embedding.weight)
        return Decoded(logits=logits, cache=torch.stack(grown, dim=1))

    def empty_cache(self, count: int) -> Tensor:
        shape = self.shape
        return torch.zeros(count, shape.layers, 2, shape.heads, 0, shape.head_width)

    def decoder_layer(self, number: int) -> DecoderLayer:
        """One of the decoder's layers, counted from 0."""
        layer = self.layers[number]
        assert isinstance(layer, DecoderLayer)
        return layer

    def train_decoder(self) -> None:
        """Training mode for the decoder alone: the vision half is not to drop anything."""
        self.eval()
        self.layers.train()

    def decoder_parameters(self) -> list[nn.Parameter]:
        """All but those of backbone and visual head."""
        vision = {id(parameter) for part in (self.backbone, self.visual_head) for parameter in part.parameters()}
        return [parameter for parameter in self.parameters() if id(parameter) not in vision]

    def _visual_slot(self, vectors: Tensor) -> Tensor:
        slot: Tensor = self.visual_projection(vectors) + self.visual_embedding
        return slot.unsqueeze(1)

    def _name_slot(self, visual: Tensor) -> Tensor:
        """The mean of the names' vectors, by how probable they are (ConSE, arXiv 1312.5650)."""
        said = self.tell_names(visual) @ self.names
        slot: Tensor = self.name_projection(said) + self.name_embedding
        return slot.unsqueeze(1)

    def _keys_values(self, slots: Tensor) -> Tensor:
        shape = self.shape
        parts: Tensor = self.memory_in(self.memory_norm(slots))
        parts = parts.reshape(*parts.shape[:2], shape.layers, 2, shape.heads, shape.head_width)
        return parts.permute(0, 2, 3, 4, 1, 5)
