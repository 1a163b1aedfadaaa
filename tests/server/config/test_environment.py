import pytest
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.environment import settings_from_environment
from llmgateway_server.config.problems import ConfigError
from llmgateway_server.config.settings import ProviderSettings, Settings
from pydantic import SecretStr

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


AWS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": SECRET}


def shown(provider: ProviderSettings) -> dict[str, object]:
    """Return what is set of a provider, secrets as text."""
    settings = provider.model_dump(exclude_none=True, exclude_defaults=True)
    return {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in settings.items()}


def test_credentials_of_aws_serve_bedrock_once_the_region_is_known() -> None:
    assert list(load(AWS).providers) == ["mock"]
    assert list(load({"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"}).providers) == ["mock"]
    found = load({**AWS, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "", "AWS_SESSION_TOKEN": "t"})
    assert shown(found.providers["bedrock"]) == {
        "region": "eu-west-1",
        "access_key_id": "AKIDEXAMPLE",
        "secret_access_key": SECRET,
        "session_token": "t",
    }


def test_a_key_of_bedrock_goes_before_credentials_of_aws() -> None:
    provider = load({**AWS, "AWS_REGION": "eu-west-1", "AWS_BEARER_TOKEN_BEDROCK": "k"}).providers["bedrock"]
    assert provider.region == "eu-west-1"
    assert [key.get_secret_value() for key in provider.api_keys or ()] == ["k"]
    assert provider.access_key_id is None


def test_a_project_alone_serves_no_vertex() -> None:
    place = {"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "global"}
    assert list(load(place).providers) == ["mock"]


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
        ("AWS_SECRET_ACCESS_KEY", f"{SECRET} x"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named_without_its_value(variable: str, value: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load({"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "a", variable: value})
    assert str(caught.value).startswith(f"environment: {variable}: ")
    assert SECRET not in str(caught.value)
