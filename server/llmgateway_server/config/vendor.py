"""What configuration must know of a vendor's row. The rows themselves lie in `catalog/`, a layer above."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, Protocol

_PLACEHOLDER = re.compile(r"{(\w+)}")


class VendorRow(Protocol):
    """The defaults of a provider that is named like a vendor.

    `key_variable` and `base_url_variable` are the environment variables in usual use, empty if there is none;
    `setting_variables` those of other settings, by the setting's name: the first that is set counts.
    `credentials` is the chain that they come from where none are given, None where there is no such chain.
    `served_by_default` says whether the gateway serves it without any configuration.
    """

    @property
    def name(self) -> str: ...
    @property
    def dialect(self) -> str: ...
    @property
    def base_url(self) -> str: ...
    @property
    def key_variable(self) -> str: ...
    @property
    def base_url_variable(self) -> str: ...
    @property
    def setting_variables(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def credentials(self) -> Literal["aws", "google", "entra"] | None: ...
    @property
    def served_by_default(self) -> bool: ...
    def read_base_url(self, text: str) -> str:
        """Turn the text of `base_url_variable` into a base URL; raise `ValueError` with a sentence."""
        ...


VendorRows = Mapping[str, VendorRow]


def address_fields(row: VendorRow) -> set[str]:
    """Return the settings that are part of the vendor's address."""
    return set(_PLACEHOLDER.findall(row.base_url))


def variables_of(row: VendorRow, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the environment holds, beside key and base URL, by name."""
    found = {
        name: next((text for variable in variables if (text := environment.get(variable, "").strip())), "")
        for name, variables in row.setting_variables.items()
    }
    return {name: text for name, text in found.items() if text}
