"""Fields: JSON is read strictly, and complaints name the place."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handler.bundle.fields import MAX_ITEMS, Fields
from handler.errors import BundleError


def fields(text: str) -> Fields:
    return Fields.parse(text.encode(), name="m.json")


def test_reads_every_type() -> None:
    read = fields(
        '{"text": "a", "none": null, "flag": true, "whole": 3, "real": 0.5, "digest": "' + "0f" * 32 + '",'
        ' "choice": "b", "choices": ["b", "a"], "texts": ["x"], "numbers": [1, 2.5], "child": {"x": 1},'
        ' "children": [{"y": 2}]}'
    )

    assert read.text("text") == "a"
    assert read.optional_text("none") is None
    assert read.flag("flag") is True
    assert read.integer("whole", low=3, high=3) == 3
    assert read.number("real", low=0.0, high=1.0) == 0.5
    assert read.digest("digest") == "0f" * 32
    assert read.choice("choice", ("a", "b")) == "b"
    assert read.choices("choices", ("a", "b")) == ("b", "a")
    assert read.texts("texts") == ("x",)
    assert read.numbers("numbers", low=0.0, high=9.0) == (1.0, 2.5)
    assert read.child("child").integer("x", low=0, high=9) == 1
    assert read.children("children")[0].integer("y", low=0, high=9) == 2
    read.finish()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"dim": "384"}', "Unexpected type str (expected int) in 'dim' of m.json"),
        ('{"dim": true}', "Unexpected type bool (expected int) in 'dim' of m.json"),
        ('{"dim": 1.0}', "Unexpected type float (expected int) in 'dim' of m.json"),
        ('{"dim": null}', "Unexpected type NoneType (expected int) in 'dim' of m.json"),
        ('{"dim": 0}', "Unexpected value 0 (expected 1 to 9) in 'dim' of m.json"),
        ('{"dim": 1' + "0" * 400 + "}", "Unexpected value 1" + "0" * 79 + " (expected 1 to 9) in 'dim' of m.json"),
        ("{}", "Missing field 'dim' in m.json"),
        ("[]", "Unexpected type list (expected object) in m.json"),
    ],
)
def test_complains_about_an_integer(text: str, message: str) -> None:
    with pytest.raises(BundleError) as error:
        fields(text).integer("dim", low=1, high=9)
    assert str(error.value) == message


@pytest.mark.parametrize("number", ["1e999", "-1e999", "9" * 4000, "1.5", "-0.1", '"1"', "true", "[]"])
def test_complains_about_a_number(number: str) -> None:
    with pytest.raises(BundleError, match=r"in 'scale' of m\.json"):
        fields(f'{{"scale": {number}}}').number("scale", low=0.0, high=1.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nonsense",
        '{"a": NaN}',
        '{"a": Infinity}',
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 1}}',
        '{"a": ' + "9" * 5000 + "}",
        "[" * 100_000,
        '{"a": 1} {}',
    ],
)
def test_refuses_what_is_no_strict_json(text: str) -> None:
    with pytest.raises(BundleError, match=r"m\.json is not valid JSON"):
        fields(text)


def test_refuses_bytes_that_are_not_utf8() -> None:
    with pytest.raises(BundleError, match=r"m\.json is not valid JSON"):
        Fields.parse(b'{"a": "\xff"}', name="m.json")


def test_names_the_path_of_nested_values() -> None:
    child = fields('{"files": {"a.bin": {"size_bytes": -1}}}').child("files").child("a.bin")
    with pytest.raises(BundleError, match=r"\(expected 0 to 9\) in 'files\.a\.bin\.size_bytes' of m\.json"):
        child.integer("size_bytes", low=0, high=9)
    with pytest.raises(BundleError, match=r"Unexpected type int \(expected str\) in 'golden\.1' of m\.json"):
        fields('{"golden": ["a", 7]}').texts("golden")


def test_refuses_names_that_it_does_not_know() -> None:
    with pytest.raises(BundleError, match=r"^Unexpected field 'index\.later' in m\.json$"):
        fields('{"index": {"later": 1}}').child("index").finish()


@pytest.mark.parametrize(
    "digest",
    ["0F" * 32, "0f" * 31, "0f" * 32 + "\\n", "0g" * 32, "../../../../../../../../../../../../../../../../etc"],
)
def test_refuses_what_is_no_digest(digest: str) -> None:
    with pytest.raises(BundleError, match="64 lower-case hexadecimal digits"):
        fields(f'{{"sha256": "{digest}"}}').digest("sha256")


def test_refuses_texts_that_cannot_be_written_again_or_are_too_long() -> None:
    with pytest.raises(BundleError, match="lone surrogate"):
        fields('{"id": "\\ud800"}').text("id")
    with pytest.raises(BundleError, match=r"length 11 \(expected at most 10 characters\)"):
        fields('{"id": "aaaaaaaaaaa"}').text("id", max_length=10)
    with pytest.raises(BundleError, match=f"length {MAX_ITEMS + 1}"):
        fields('{"ids": [' + ",".join(["1"] * (MAX_ITEMS + 1)) + "]}").texts("ids")


def test_a_choice_is_of_its_own_type() -> None:
    with pytest.raises(BundleError, match=r"Unexpected value 'True' \(expected 1\)"):
        fields('{"version": true}').choice("version", (1,))


@given(st.binary())
def test_never_fails_otherwise(data: bytes) -> None:
    with contextlib.suppress(BundleError):
        Fields.parse(data, name="m.json")
