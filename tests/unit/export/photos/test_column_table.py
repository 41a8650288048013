"""The owner's table: CSV and JSON as they should be, and everything that they may be instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.errors import ColumnsError
from export.photos.column_table import find_columns, read_columns


def written(folder: Path, text: str | bytes, name: str = "columns.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_csv(tmp_path: Path) -> None:
    text = '\ufefffile,place,Stars ,note\r\na.jpg,Paris,4,""\r\n"b, c.jpg"," New  York ",-0.5,"two\nlines"\r\n'
    text += "\r\nd.jpg,,,\r\n"
    assert read_columns(written(tmp_path, text)) == {
        "a.jpg": {"place": "Paris", "Stars": 4.0},
        "b, c.jpg": {"place": "New York", "Stars": -0.5, "note": "two lines"},
        "d.jpg": {},
    }


def test_a_csv_column_is_of_numbers_if_all_its_values_are(tmp_path: Path) -> None:
    table = read_columns(written(tmp_path, "file,a,b\nx,1,1\ny,2e3,nan\nz,0x1,3"))
    assert table == {"x": {"a": "1", "b": "1"}, "y": {"a": "2e3", "b": "nan"}, "z": {"a": "0x1", "b": "3"}}


@pytest.mark.parametrize("value", ["01234", "+491701234567", "1_000", "1.10", "-.5", "1e5", "٣", "Infinity"])
def test_what_would_read_back_as_another_text_is_text(tmp_path: Path, value: str) -> None:
    assert read_columns(written(tmp_path, f"file,a\nx,7\ny,{value}")) == {"x": {"a": "7"}, "y": {"a": value}}


@pytest.mark.parametrize(("value", "number"), [("0", 0.0), ("-12", -12.0), ("3.25", 3.25), ("4.0", 4.0)])
def test_what_reads_back_as_the_same_text_is_a_number(tmp_path: Path, value: str, number: float) -> None:
    assert read_columns(written(tmp_path, f"file,a\nx,{value}")) == {"x": {"a": number}}


def test_json(tmp_path: Path) -> None:
    text = '{"a.jpg": {"place": "Paris", "n": 4, "tags": ["dog", " ", "park"], "no": null, "sold": true, "e": ""},'
    text += '"b": {}}'
    assert read_columns(written(tmp_path, text, "c.JSON")) == {
        "a.jpg": {"place": "Paris", "n": 4.0, "tags": ("dog", "park"), "sold": "true"},
        "b": {},
    }


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("c.csv", "", "its first line is [], expected a name for the photos' ids and names of columns"),
        ("c.csv", "file\na", "its first line is ['file'], expected"),
        ("c.csv", "file,a, A\nx,1,2", ""),
        ("c.csv", "file,a,a\nx,1,2", "expected each name once"),
        ("c.csv", "file,a:b\nx,1", "found the column 'a:b', expected 1 to 64 characters without ':'"),
        ("c.csv", "file,\nx,1", "found the column '', expected"),
        ("c.csv", f"file,{'n' * 65}\nx,1", "expected 1 to 64 characters"),
        ("c.csv", "file,a\nx,1,2", "line 2 has 3 values, expected 2"),
        ("c.csv", "file,a\nx", "line 2 has 1 values, expected 2"),
        ("c.csv", "file,a\nx,1\nx,2", "line 3 names the photo 'x' again"),
        ("c.csv", 'file,a\nx,"1', "unexpected end of data"),
        ("c.csv", f"file,a\nx,{'v' * 1025}", "found a value of 1025 characters, expected at most 1024"),
        (
            "c.csv",
            "file," + ",".join(f"c{n}" for n in range(65)) + "\nx" + ",1" * 65,
            "it has 65 columns, expected at most 64",
        ),
        ("c.csv", b"file,a\nx,\x81", "line 2 isn't UTF-8"),
        ("c.json", "{", "not JSON"),
        ("c.json", "[]", "found a list, expected an object with a photo's id as each name"),
        ("c.json", '{"x": 1}', "found a int for the photo 'x', expected an object"),
        (
            "c.json",
            '{"x": {"a": {}}}',
            "found '{}' as 'a' of the photo 'x', expected a text, a number or up",
        ),
        ("c.json", '{"x": {"a": [1]}}', "found '[1]' as 'a'"),
        ("c.json", '{"x": {"a": NaN}}', "found 'nan' as 'a'"),
        ("c.json", '{"x": {"a": 1e999}}', "found 'inf' as 'a'"),
        ("c.json", "[" * 100_000, ""),
        ("c.json", '{"p\\ud83d.jpg": {"place": "x"}}', "found the photo 'p\\ud83d.jpg', half of whose character"),
    ],
)
def test_tables_that_make_no_sense(tmp_path: Path, name: str, text: str | bytes, message: str) -> None:
    path = written(tmp_path, text, name)
    if (name, text) == ("c.csv", "file,a, A\nx,1,2"):
        assert read_columns(path) == {"x": {"a": 1.0, "A": 2.0}}
        return
    with pytest.raises(ColumnsError) as error:
        read_columns(path)
    assert str(error.value).startswith(f"{path} can't be used as a table of columns: ")
    assert message in str(error.value)


def test_which_table_lies_beside_the_photos(tmp_path: Path) -> None:
    assert find_columns(tmp_path) is None
    found = written(tmp_path, "file,a", "columns.json")
    assert find_columns(tmp_path) == found
    written(tmp_path, "{}", "columns.csv")
    with pytest.raises(ColumnsError, match="holds both columns.csv and columns.json; remove one"):
        find_columns(tmp_path)


def test_a_table_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ColumnsError, match="No such file"):
        read_columns(tmp_path / "absent.csv")


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_tables_as_spreadsheets_write_them(tmp_path: Path, separator: str, encoding: str) -> None:
    lines = [["photo", "Ort", "Preis"], ["a.jpg", "Zürich", "12"], ["b.jpg", "Besançon, Straße", "7"]]
    text = "\r\n".join(separator.join(f'"{value}"' if "," in value else value for value in line) for line in lines)
    (tmp_path / "columns.csv").write_bytes(text.encode(encoding))
    assert read_columns(tmp_path / "columns.csv") == {
        "a.jpg": {"Ort": "Zürich", "Preis": 12.0},
        "b.jpg": {"Ort": "Besançon, Straße", "Preis": 7.0},
    }


def test_a_first_line_that_names_the_separator(tmp_path: Path) -> None:
    (tmp_path / "columns.csv").write_text("sep=;\nphoto;place\na.jpg;Paris, France\n")
    assert read_columns(tmp_path / "columns.csv") == {"a.jpg": {"place": "Paris, France"}}


@pytest.mark.parametrize(("text", "encoding"), [("Москва", "cp1251"), ("Łódź", "cp1250"), ("東京", "shift_jis")])
def test_other_alphabets_are_not_guessed(tmp_path: Path, text: str, encoding: str) -> None:
    (tmp_path / "columns.csv").write_bytes(f"photo,place\na.jpg,{text}\n".encode(encoding))
    with pytest.raises(ColumnsError, match=r"line 2 isn't UTF-8 .*; save it as 'CSV UTF-8'"):
        read_columns(tmp_path / "columns.csv")
