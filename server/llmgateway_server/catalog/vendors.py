"""Vendors as rows of `vendors.toml`: where each is, which environment variables name it, how it differs.

A new provider that speaks a known dialect is a row, not code.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from functools import lru_cache
from importlib import resources
from typing import Any, Literal

import msgspec
from llmgateway.v1 import model_pb2

from llmgateway_server.catalog.ollama_host import read_ollama_host

BaseUrlForm = Literal["url", "ollama_host"]

_HEADER_NAME = re.compile(r"[a-z0-9-]+")


class CatalogError(Exception):
    """The catalogue's data is wrong; the message names the row."""


Charge = Literal["unspecified", "nothing", "processed", "whole"]


@dataclass(frozen=True, slots=True)
class Billing:
    """What a vendor bills for calls that bring no whole answer, in the words of the contract's `BillingTerms`."""

    source: str
    read_on: date
    on_cancel: Charge = "unspecified"
    on_timeout: Charge = "unspecified"
    on_server_error: Charge = "unspecified"

    def message(self) -> model_pb2.BillingTerms:
        """Return it as `ListModels` shows it."""
        terms = model_pb2.BillingTerms(source=self.source)
        for moment in ("on_cancel", "on_timeout", "on_server_error"):
            word: str = getattr(self, moment)
            setattr(terms, moment, model_pb2.BillingTerms.Charge.Value(f"CHARGE_{word.upper()}"))
        terms.read_time.FromDatetime(datetime.combine(self.read_on, datetime.min.time(), UTC))
        return terms


@dataclass(frozen=True, slots=True)
class PromptCache:
    """How long a vendor keeps a prompt that nobody uses."""

    seconds: float
    source: str
    read_on: date


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor, or one server program that people run themselves.

    `models_base_url` is where its models are listed, empty where that is below `base_url`, too.

    `auth` says how a key travels: `bearer` is `Authorization: Bearer KEY`; any other value is the name of the
    header that holds the bare key. `key_variable` and `base_url_variable` are environment variables, empty
    where none is in usual use; `base_url_form` says what the latter holds. `setting_variables` are those of other
    settings of the provider, by its name: the first that is set counts. `credentials` names the chain of the vendor's
    own library that serves where no credentials are given (`config/chains.py`). `key_required` is false for servers
    that may run without a key. `quirks` belong to the dialect, which checks them. `source` is the document that
    the row was read from, `read_on` the day. `billing` and `prompt_cache` are None where nothing is known of them.
    """

    name: str
    title: str
    dialect: str
    source: str
    read_on: date
    base_url: str = ""
    models_base_url: str = ""
    auth: str = "bearer"
    key_required: bool = True
    key_variable: str = ""
    base_url_variable: str = ""
    base_url_form: BaseUrlForm = "url"
    setting_variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    credentials: Literal["aws", "google", "entra"] | None = None
    served_by_default: bool = False
    billing: Billing | None = None
    prompt_cache: PromptCache | None = None
    quirks: Mapping[str, Any] = field(default_factory=dict)  # Any: the dialect decodes them.

    def read_base_url(self, text: str) -> str:
        """Turn the text of `base_url_variable` into a base URL; raise `ValueError` with a sentence."""
        return read_ollama_host(text) if self.base_url_form == "ollama_host" else text


@lru_cache(maxsize=1)  # it never changes while the gateway runs
def load_vendors() -> Mapping[str, Vendor]:
    """Return the catalogue's rows by name, in the order of the file. Raise `CatalogError`."""
    return parse_vendors(resources.files(__package__).joinpath("vendors.toml").read_text(encoding="utf-8"))


def parse_vendors(text: str) -> Mapping[str, Vendor]:
    """Read rows from TOML: a table for each vendor, named like it. Raise `CatalogError`."""
    return {name: parse_vendor(name, row) for name, row in tomllib.loads(text).items()}


def parse_vendor(name: str, row: Mapping[str, Any]) -> Vendor:  # Any: decoded TOML.
    """Read one row. Raise `CatalogError`."""
    unknown = row.keys() - {known.name for known in fields(Vendor)}
    if unknown or "name" in row:
        raise CatalogError(f"vendor {name}: unknown {', '.join(sorted(unknown)) or 'name'}")
    try:
        vendor = msgspec.convert({"name": name, **row}, Vendor)
    except msgspec.ValidationError as error:
        raise CatalogError(f"vendor {name}: {error}") from error
    if not _HEADER_NAME.fullmatch(vendor.auth):
        raise CatalogError(f"vendor {name}: auth is bearer or the name of a header in lower case")
    return vendor


def auth_headers(vendor: Vendor | None, key: str) -> Mapping[str, str]:
    """Return the headers that carry a key to a vendor, or to a provider that is no vendor's."""
    if vendor is None or vendor.auth == "bearer":
        return {"authorization": f"Bearer {key}"}
    return {vendor.auth: key}
