"""What configuration must know of a vendor's row. The rows themselves lie in `catalog/`, a layer above."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class VendorRow(Protocol):
    """The defaults of a provider that is named like a vendor.

    `key_variable` and `base_url_variable` are the environment variables in usual use, empty if there is none.
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
    def served_by_default(self) -> bool: ...
    def read_base_url(self, text: str) -> str:
        """Turn the text of `base_url_variable` into a base URL; raise `ValueError` with a sentence."""
        ...


VendorRows = Mapping[str, VendorRow]
