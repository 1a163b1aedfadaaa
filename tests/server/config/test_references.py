from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.config.references import References, Resolution, UnresolvedReferenceError

FOLDER = Path("/nowhere")


@pytest.mark.parametrize(
    ("text", "expected", "is_reference"),
    [
        ("plain $ {A} $A", "plain $ {A} $A", False),
        ("${A}", "a", True),
        ("<${A}|${B_2}>", "<a|b>", True),
        ("${A:-x}", "a", True),
        ("${NO:-x y: z}", "x y: z", False),
        ("${NO:-}", "", False),
        ("${EMPTY}", "", True),
        ("${EMPTY:-x}", "x", False),
        ("${NO:-x}${A}", "xa", True),
        ("$${A}", "${A}", False),
        ("$$${A}", "$${A}", False),
        ("$${A} ${A}", "${A} a", True),
        ("${LOOP}", "${A}", True),
    ],
)
def test_references_are_replaced_once(text: str, expected: str, is_reference: bool) -> None:
    environment = {"A": "a", "B_2": "b", "EMPTY": "", "LOOP": "${A}"}
    assert References(environment, FOLDER).resolve(text) == Resolution(expected, is_reference)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${NO}", "the environment variable of '${NO}' is not set; set it, or write ${NO:-default}"),
        ("${}", "'${}' is no reference; a reference is ${NAME}"),
        ("${A B}", "'${A B}' is no reference"),
        ("${1A}", "'${1A}' is no reference"),
        ("${A:?x}", "'${A:?x}' is no reference"),
        ("${A", "a plain ${ is written $${"),
        ("${A${B}}", "a plain ${ is written $${"),
        ("${file:}", "'${file:}' names no file"),
        ("${file:absent}", "the file of '${file:absent}' cannot be read: No such file or directory"),
        ("${file:.}", "the file of '${file:.}' cannot be read: Is a directory"),
        ("${file:a\0b}", "the file of '${file:a\\x00b}' cannot be read: the path is not valid"),
        ("${file:large}", "the file of '${file:large}' is larger than 65536 bytes"),
        ("${file:binary}", "the file of '${file:binary}' is not UTF-8"),
    ],
)
def test_a_reference_to_nothing_is_named(tmp_path: Path, text: str, expected: str) -> None:
    (tmp_path / "large").write_bytes(b"x" * (64 * 1024 + 1))
    (tmp_path / "binary").write_bytes(b"\xff")
    with pytest.raises(UnresolvedReferenceError) as caught:
        References({}, tmp_path).resolve(text)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"), [("k\n", "k"), ("k\r\n", "k"), ("k", "k"), ("k\n\n", "k\n"), ("\n", ""), (" k ", " k ")]
)
def test_a_file_loses_its_last_newline_only(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "key").write_bytes(content.encode())
    for path in ("key", str(tmp_path / "key")):
        assert References({}, tmp_path).resolve(f"${{file:{path}}}") == Resolution(expected, is_reference=True)


@given(st.text())
def test_escaped_text_stands_for_itself(text: str) -> None:
    escaped = text.replace("${", "$${")
    # A dollar right before an escaped `${` would read as part of the escape.
    if "$$${" not in escaped:
        assert References({}, FOLDER).resolve(escaped).text == text


@given(st.text(alphabet="${}:-fileAB. ", max_size=30))
def test_no_text_raises_anything_else(text: str) -> None:
    try:
        resolved = References({"A": "a"}, FOLDER).resolve(text).text
    except UnresolvedReferenceError as error:
        resolved = str(error)
    assert isinstance(resolved, str)
