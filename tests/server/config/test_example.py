import re
from pathlib import Path

from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.document import read_document, value_at
from llmgateway_server.config.loader import load_settings
from llmgateway_server.config.schema import known_keys
from llmgateway_server.config.settings import Settings
from llmgateway_server.config.start import check_start

from tests.server.config.load import OTHER_SECRET, SECRET, load

EXAMPLE = Path(__file__).parents[3] / "server" / "gateway.example.yaml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
# Commented settings keep their indentation behind the #; prose has a single space there.
TEXT_WITH_EVERYTHING = re.sub(r"^( +)#(?! \S|$)", r"\1", TEXT, flags=re.MULTILINE)


def test_the_example_starts_as_it_stands() -> None:
    loaded = load_settings(EXAMPLE, {}, load_vendors())
    check_start(loaded, load_vendors(), "gateway.example.yaml")
    assert list(loaded.providers) == ["openai", "groq", "local", "mock"]


def test_what_the_example_shows_is_the_default() -> None:
    loaded, default = load_settings(EXAMPLE, {}, load_vendors()), Settings()
    for name in Settings.model_fields.keys() - {"providers", "routes", "models"}:
        assert getattr(loaded, name) == getattr(default, name), name


def test_the_example_loads_with_all_its_lines(tmp_path: Path) -> None:
    for name in ("certificate.pem", "key.pem", "client-ca.pem", "secret"):
        (tmp_path / name).write_text(SECRET)
    text = re.sub(r"\$\{file:/run/secrets/[^}]*\}", "${file:secret}", TEXT_WITH_EVERYTHING)
    keys = {"OPENAI_API_KEY": "key", "AZURE_OPENAI_API_KEY": "k", "OTHER_GATEWAY_KEY": "k", "REDIS_URL": "redis://r"}
    loaded = load(tmp_path, text, {"CI_KEY": OTHER_SECRET, **keys})
    assert [key.name for key in loaded.auth.keys] == ["ci", "app"]
    assert loaded.auth.pepper is not None
    assert loaded.server.grpc_tls is not None
    assert loaded.server.grpc_tls.client_ca == str(tmp_path / "client-ca.pem")
    assert [key.get_secret_value() for key in loaded.providers["openai"].api_keys or ()] == ["key", SECRET]


def test_the_example_shows_every_section_and_every_key() -> None:
    value = read_document(TEXT_WITH_EVERYTHING).value
    assert isinstance(value, dict)
    assert set(value) == set(known_keys(()))
    for path in [
        ("server",),
        ("server", "grpc_tls"),
        ("auth",),
        ("timeouts",),
        ("resilience",),
        ("limits",),
        ("store",),
        ("log",),
    ]:
        section = value_at(value, path)
        assert isinstance(section, dict)
        assert set(section) == set(known_keys(path)), path
    for path in [
        ("auth", "keys", 0),
        ("quotas", 0),
        ("providers", "openai"),
        ("models", "openai/gpt-4o-mini"),
        ("routes", "fast"),
    ]:
        assert all(f"{key}:" in TEXT for key in known_keys(path)), path


def test_the_example_names_every_vendor() -> None:
    words = set(re.findall(r"[a-z]+", TEXT))
    assert load_vendors().keys() <= words
    assert {row.dialect for row in load_vendors().values()} <= words
