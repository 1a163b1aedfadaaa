from datetime import date
from urllib.parse import urlsplit

import pytest
from llmgateway_server.catalog.vendors import CatalogError, Vendor, auth_headers, load_vendors, parse_vendors
from llmgateway_server.config.checks import find_url_problem
from llmgateway_server.config.settings import ProviderSettings
from llmgateway_server.dialects.registry import make_codec

VENDORS = load_vendors()
# Dialects without a codec: one is played, the other is the contract itself.
OWN_DIALECTS = ("mock", "llmgateway")
KEYED = "title = 'A'\ndialect = 'openai'\nsource = 'https://a.example'\nread_on = 2026-11-25\n"


def vendor(**changes: str) -> Vendor:
    return Vendor("a", "A", "openai", "https://a.example", date(2026, 11, 25), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("row", VENDORS.values(), ids=VENDORS.keys())
def test_a_row_is_whole_and_says_where_it_comes_from(row: Vendor) -> None:
    assert VENDORS[row.name] is row
    assert row.title
    assert row.read_on >= date(2026, 11, 25)
    assert row.source.startswith("https://") or row.dialect in OWN_DIALECTS
    # A vendor that gives each customer an address of their own has a variable for it.
    assert (row.base_url == "") == (row.dialect in OWN_DIALECTS or row.name == "azure")
    assert row.base_url or row.dialect in OWN_DIALECTS or row.base_url_variable
    assert not row.base_url or find_url_problem(row.base_url) is None
    assert not row.base_url.endswith("/")


@pytest.mark.parametrize("row", VENDORS.values(), ids=VENDORS.keys())
def test_a_vendor_on_the_internet_has_tls_and_a_key_variable(row: Vendor) -> None:
    is_own = row.name == "azure" or "{" in row.base_url  # each customer has an address of their own
    is_local = not is_own and urlsplit(row.base_url).hostname in (None, "localhost", "127.0.0.1")
    assert row.key_required == (not is_local)
    assert bool(row.key_variable) == (not is_local) or row.name == "vertex"
    assert is_local or not row.base_url or row.base_url.startswith("https://")


def test_no_two_rows_share_a_variable() -> None:
    variables = [name for row in VENDORS.values() for name in (row.key_variable, row.base_url_variable) if name]
    assert len(variables) == len(set(variables))


@pytest.mark.parametrize("row", VENDORS.values(), ids=VENDORS.keys())
def test_the_dialect_knows_every_quirk_of_a_row(row: Vendor) -> None:
    if row.dialect in OWN_DIALECTS:
        assert row.quirks == {}
    else:
        assert make_codec(row.dialect, row.name, row.quirks).name == row.dialect


def test_a_key_travels_as_its_vendor_wants_it() -> None:
    assert auth_headers(None, "k") == {"authorization": "Bearer k"}
    assert auth_headers(vendor(), "k") == {"authorization": "Bearer k"}
    assert auth_headers(vendor(auth="api-key"), "k") == {"api-key": "k"}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("base_ulr = 'x'", "vendor a: unknown base_ulr"),
        ("name = 'b'", "vendor a: unknown name"),
        ("key_required = 'no'", "vendor a: Expected `bool`, got `str`"),
        ("auth = 'X Key'", "vendor a: auth is bearer or the name of a header"),
        ("base_url_form = 'path'", "vendor a: Invalid enum value"),
    ],
)
def test_a_wrong_row_is_named(lines: str, expected: str) -> None:
    with pytest.raises(CatalogError) as caught:
        parse_vendors(f"[a]\n{KEYED}{lines}\n")
    assert str(caught.value).startswith(expected)


def test_variables_are_of_settings_that_providers_have() -> None:
    settings = {name for row in load_vendors().values() for name in row.setting_variables}
    assert settings
    assert settings <= ProviderSettings.model_fields.keys()


def test_a_row_without_its_source_is_refused() -> None:
    with pytest.raises(CatalogError, match="missing required field `source`"):
        parse_vendors("[a]\ntitle = 'A'\ndialect = 'openai'\nread_on = 2026-11-25\n")
