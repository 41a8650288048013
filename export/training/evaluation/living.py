"""Living beings in captions: whether a caption names somebody who isn't there.

Objects that captions share with nobody are hard to judge: people leave out most of what a photo shows. They hardly
leave out a person or an animal, so that these are what CHAIR (Rohrbach et al. 2018, arXiv 1809.02156) can count where
little else is known of a photo. All words for people are one, as in its list of synonyms.
"""

from __future__ import annotations

import re

from export.training.data.corpus import CaptionedPhoto

_PEOPLE = frozenset(
    "adult athlete audience baby biker bicyclist boy bride child chef cowboy crowd cyclist dancer daughter driver "
    "family father female fisherman friend gentleman girl groom guy hiker kid lady male man men musician "
    "mother officer passenger people performer person player policeman rider runner sister skateboarder skater skier "
    "snowboarder soldier someone son student surfer swimmer team teenager toddler tourist woman women worker "
    "children policemen ladies babies families".split()
)
_ANIMALS = {
    "puppy": "dog", "puppies": "dog", "kitten": "cat", "pony": "horse", "lamb": "sheep", "calf": "cow", "bull": "cow",
    "cattle": "cow", "greyhound": "dog", "poodle": "dog", "terrier": "dog", "collie": "dog", "seagull": "bird",
    "gull": "bird", "duck": "bird", "goose": "bird", "geese": "bird", "pigeon": "bird", "parrot": "bird",
    "eagle": "bird", "owl": "bird", "swan": "bird", "bunny": "rabbit",
}  # fmt: skip
_KINDS = frozenset(
    "animal dog cat horse sheep cow elephant bear zebra giraffe bird monkey goat deer lion tiger rabbit fish camel "
    "squirrel chicken pig wolf fox frog turtle lizard insect bee butterfly".split()
)
_WORD = re.compile(r"[a-z]+")
_PERSON = "person"


def living_beings(text: str) -> set[str]:
    """The kinds of animals that a text names, and "person" for people."""
    found = set()
    for word in _WORD.findall(text.lower()):
        for form in (word, word.removesuffix("s")):
            kind = _PERSON if form in _PEOPLE else _ANIMALS.get(form, form)
            if kind == _PERSON or kind in _KINDS:
                found.add(kind)
                break
    return found


def invents_somebody(photo: CaptionedPhoto, caption: str) -> bool:
    """Whether a caption names a living being that none of a photo's captions and names does."""
    there = {being for text in (*photo.captions, *photo.names) for being in living_beings(text)}
    return not living_beings(caption) <= there
