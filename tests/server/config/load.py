"""Loads configuration texts for the tests of this folder."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.loader import load_settings
from llmgateway_server.config.problems import ConfigError
from llmgateway_server.config.settings import Settings

SECRET = "xK9-the-secret-nobody-may-see-4Qz"
OTHER_SECRET = "another-secret-nobody-may-see-8Wy"


def load(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> Settings:
    """Write `text`, dedented, to a file and load it."""
    path = folder / "gateway.yaml"
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return load_settings(path, environment or {}, load_vendors())


def load_problems(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """Load what cannot be loaded; return its problems as `LINE: path: message`."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, environment)
    prefix = f"{folder / 'gateway.yaml'}:"
    lines = str(caught.value).splitlines()
    assert all(line.startswith(prefix) for line in lines)
    return [line.removeprefix(prefix) for line in lines]
