"""The package needs LangChain's core besides the client, and no more of LangChain than that."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.test_layers import ROOT, imported_modules

PACKAGE = ROOT / "clients" / "python" / "llmgateway_langchain"
# Pydantic is how LangChain's core has its models made; protobuf is the client's.
MAY_IMPORT = {"langchain_core", "llmgateway", "llmgateway_langchain", "pydantic", "google", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.name)
def test_a_module_imports_what_is_installed_with_it(path: Path) -> None:
    imported = list(imported_modules(path))
    assert {module.partition(".")[0] for module in imported} <= MAY_IMPORT
    # What begins with an underline is not LangChain's to keep.
    assert not [module for module in imported if module.startswith("langchain_core") and "._" in module]
