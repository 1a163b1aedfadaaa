import pytest
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.environment import settings_from_environment
from llmgateway_server.config.problems import ConfigError
from llmgateway_server.config.settings import Settings

from tests.server.config.load import SECRET


def load(environment: dict[str, str]) -> Settings:
    return settings_from_environment(environment, load_vendors())


def test_without_variables_only_the_mock_is_served() -> None:
    loaded = load({"PATH": "/bin", "OPENAI_API_KEY": ""})
    assert list(loaded.providers) == ["mock"]
    assert loaded.providers["mock"].api_keys is None


def test_each_vendor_is_served_once_its_key_is_set() -> None:
    keyed = {
        name: row.key_variable
        for name, row in load_vendors().items()
        if row.key_variable and row.base_url and "{" not in row.base_url
    }
    assert len(keyed) >= 11
    for name, variable in keyed.items():
        providers = load({variable: "key-of-" + name}).providers
        assert list(providers) == ["mock", name]
        (key,) = providers[name].api_keys or ()
        assert key.get_secret_value() == "key-of-" + name
        assert providers[name].base_url is None


def test_a_vendor_of_customers_addresses_needs_its_address_too() -> None:
    key = {"AZURE_OPENAI_API_KEY": "k"}
    assert list(load(key).providers) == ["mock"]
    provider = load({**key, "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com"}).providers["azure"]
    assert provider.base_url == "https://x.openai.azure.com"


def test_a_base_url_alone_serves_openai_there_without_a_key() -> None:
    provider = load({"OPENAI_BASE_URL": "http://127.0.0.1:9001/v1"}).providers["openai"]
    assert (provider.base_url, provider.api_keys) == ("http://127.0.0.1:9001/v1", None)


def test_a_host_serves_ollama_by_its_openai_interface() -> None:
    provider = load({"OLLAMA_HOST": "0.0.0.0"}).providers["ollama"]
    assert (provider.base_url, provider.api_keys) == ("http://127.0.0.1:11434", None)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("OPENAI_API_KEY", f"{SECRET}\r\nx-injected: 1"),
        ("OPENAI_API_KEY", f"{SECRET} x"),
        ("OPENAI_BASE_URL", f"https://user:{SECRET}@host/v1"),
        ("OPENAI_BASE_URL", SECRET),
        ("OPENAI_BASE_URL", f"https://host/v1?key={SECRET}"),
        ("OLLAMA_HOST", f"ftp://{SECRET}"),
        ("OLLAMA_HOST", f"host:{SECRET}"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_without_its_value(variable: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({variable: value})
    assert str(caught.value).startswith(f"environment: {variable}: ")
    assert SECRET not in str(caught.value)
