"""The clients in their languages, as the tests drive them: a module a language."""

from __future__ import annotations

import importlib
import pkgutil

from tests.clients.languages.language import Language

# Those with a client of their own, in the order in which they are run and told of; those with stubs only come after.
FULL_CLIENTS = ("python", "typescript", "go", "java", "rust")


def find_languages() -> list[Language]:
    """Return every language."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.name != "language"]
    found = [importlib.import_module(f"{__name__}.{name}").LANGUAGE for name in names]
    return sorted(found, key=place)


def place(language: Language) -> tuple[int, str]:
    """Return what languages are sorted by."""
    is_full = language.name in FULL_CLIENTS
    return (FULL_CLIENTS.index(language.name) if is_full else len(FULL_CLIENTS), language.name)
