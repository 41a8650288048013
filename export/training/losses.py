"""The losses of both models, on unit vectors or logits.

They know tensors, nothing of texts or photos. Cosines are divided by a temperature; in-batch
softmax losses are InfoNCE (van den Oord et al. 2018, arXiv 1807.03748).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

IGNORED = -100


def distillation_loss(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean of 1 - cosine between unit vectors, both float32 [n, dim]."""
    return 1.0 - (student * teacher).sum(-1).mean()


def neighbour_loss(student: Tensor, teacher: Tensor, *, temperature: float) -> Tensor:
    """Cross-entropy between the distributions of similarities to the others (probabilistic knowledge transfer).

    Args:
        student: float32 [n, dim], unit L2 norm.
        teacher: The same things, unit L2 norm; its dimensions may be others.
        temperature: Divides the cosines.
    """
    itself = torch.eye(len(student), dtype=torch.bool)
    wanted = (teacher @ teacher.T / temperature).masked_fill(itself, -1e4).softmax(1)
    found = (student @ student.T / temperature).masked_fill(itself, -1e4).log_softmax(1)
    return -(wanted * found).sum(1).mean()


def photo_loss(student: Tensor, teacher: Tensor, photos: Tensor, *, scale: float) -> Tensor:
    """Cross-entropy between the distributions of texts' similarities to photos.

    Args:
        student: float32 [texts, dim], unit L2 norm.
        teacher: The same texts, of the same shape.
        photos: float32 [photos, dim], unit L2 norm, as the teacher sees them.
        scale: Multiplies the cosines.
    """
    wanted = (scale * teacher @ photos.T).softmax(1)
    found = (scale * student @ photos.T).log_softmax(1)
    return -(wanted * found).sum(1).mean()


def paraphrase_loss(vectors: Tensor, owners: Tensor, *, temperature: float) -> Tensor:
    """InfoNCE over paraphrases: every text has to find the others of its photo among all texts.

    Args:
        vectors: float32 [n, dim], unit L2 norm.
        owners: int64 [n], the photo that each text describes; texts of one photo are positives.
        temperature: Divides the cosines.

    Returns:
        The mean over positive pairs of -log softmax, where the other positives of the
        anchor are left out of the denominator: they are no false negatives.
    """
    logits = vectors @ vectors.T / temperature
    same = owners[:, None] == owners[None, :]
    itself = torch.eye(len(owners), dtype=torch.bool)
    negatives = torch.logsumexp(logits.masked_fill(same, -torch.inf), dim=1, keepdim=True)
    pair_loss = torch.logaddexp(logits, negatives) - logits
    return pair_loss[same & ~itself].mean()


def margin_loss(vectors: Tensor, owners: Tensor, *, margin: float) -> Tensor:
    """The contrastive loss (Hadsell, Chopra and LeCun 2006, section 2.1), each anchor with its hardest negative.

    Args:
        vectors: float32 [n, dim], unit L2 norm.
        owners: int64 [n], as in ``paraphrase_loss``.
        margin: The distance, from 0 to 2, at which a negative costs nothing any more.

    Returns:
        The mean over positive pairs of distance^2 / 2, plus that over anchors of max(0, margin - distance)^2 / 2 to
        the closest text of another photo in the batch.
    """
    squared = (2.0 - 2.0 * vectors @ vectors.T).clamp(min=1e-6)
    same = owners[:, None] == owners[None, :]
    itself = torch.eye(len(owners), dtype=torch.bool)
    closest = squared.masked_fill(same, torch.inf).amin(1).sqrt()
    return 0.5 * squared[same & ~itself].mean() + 0.5 * (margin - closest).clamp(min=0.0).square().mean()


def photo_to_text_loss(visual: Tensor, rows: Tensor, captions: Tensor, owners: Tensor, *, temperature: float) -> Tensor:
    """Each photo has to find its own captions among all training captions.

    Args:
        visual: float32 [n, dim], unit L2 norm.
        rows: int64 [n], which photo each is.
        captions: float32 [captions, dim], unit L2 norm.
        owners: int64 [captions], the photo of each caption.
        temperature: Divides the cosines.

    Returns:
        The mean over photos and their captions of -log softmax against captions of other photos.
    """
    logits = visual @ captions.T / temperature
    own = rows[:, None] == owners[None, :]
    others = torch.logsumexp(logits.masked_fill(own, -torch.inf), dim=1, keepdim=True)
    loss = torch.where(own, torch.logaddexp(logits, others) - logits, 0.0)
    return (loss.sum(1) / own.sum(1)).mean()


def name_loss(visual: Tensor, names: Tensor, targets: Tensor, *, temperature: float) -> Tensor:
    """Each photo has to tell what it shows among all names: cross-entropy with how much each name is said of it.

    Args:
        visual: float32 [n, dim], unit L2 norm.
        names: float32 [names, dim], unit L2 norm.
        targets: float32 [n, names], none negative; rows sum to one, or to nothing where nothing is known.
        temperature: Divides the cosines.
    """
    told = -(targets * (visual @ names.T / temperature).log_softmax(1)).sum()
    return told / targets.sum().clamp(min=1.0)


def text_to_photo_loss(
    texts: Tensor, visual: Tensor, rows: Tensor, queue: Tensor, queue_rows: Tensor, *, temperature: float
) -> Tensor:
    """Each caption has to find its photo among the batch and a queue of recent ones (MoCo, arXiv 1911.05722).

    Args:
        texts: float32 [n, dim], a caption of each photo of the batch.
        visual: float32 [n, dim], those photos.
        rows: int64 [n], which photos they are.
        queue: float32 [m, dim], photos of earlier steps.
        queue_rows: int64 [m], which photos they are; the batch's own are left out.
        temperature: Divides the cosines.
    """
    logits = texts @ torch.cat([visual, queue]).T / temperature
    candidates = torch.cat([rows, queue_rows])
    itself = functional.one_hot(torch.arange(len(rows)), len(candidates)).bool()
    logits = logits.masked_fill((rows[:, None] == candidates[None, :]) & ~itself, -torch.inf)
    return functional.cross_entropy(logits, torch.arange(len(rows)))


def answer_loss(logits: Tensor, targets: Tensor, *, label_smoothing: float) -> Tensor:
    """Cross-entropy on the answer's tokens only: logits [n, steps, vocabulary], targets int64 [n, steps]."""
    return functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, label_smoothing=label_smoothing
    )


def word_distillation_loss(logits: Tensor, teacher: Tensor, targets: Tensor, *, temperature: float) -> Tensor:
    """How far the student's next words are from the teacher's (Hinton et al. 2015, arXiv 1503.02531, section 2).

    Args:
        logits: The student's, [n, steps, vocabulary].
        teacher: The teacher's, of the same shape.
        targets: int64 [n, steps]; only where it isn't IGNORED, on the answer's tokens, does the divergence count.
        temperature: Divides the logits of both: above 1, words that are unlikely for the teacher count more.

    Returns:
        The mean over tokens of KL(teacher || student), times temperature^2, as gradients shrink with its inverse.
    """
    counted = targets != IGNORED
    mine, theirs = (functional.log_softmax(of[counted].float() / temperature, -1) for of in (logits, teacher))
    return temperature**2 * functional.kl_div(mine, theirs, reduction="batchmean", log_target=True)
