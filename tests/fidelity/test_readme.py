"""The checklist's table is true: what it names exists, and what is here is named."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parent
TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)


def names_in(folder: Path) -> set[str]:
    return {name for path in folder.rglob("test_*.py") for name in TEST.findall(path.read_text())}


def test_the_table_names_each_test_of_this_folder_and_none_that_there_is_not() -> None:
    named = set(re.findall(r"`(test_\w+)`", (FOLDER / "README.md").read_text()))
    assert len(named) > 100
    assert named - names_in(FOLDER.parent) == set()
    own = {"test_the_table_names_each_test_of_this_folder_and_none_that_there_is_not"}
    assert names_in(FOLDER) - own - named == set()
