"""From a YAML file to settings: every problem at once, each with its line, and no secret in any of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import cast

from pydantic import ValidationError

from llmgateway_server.config.checks import TLS_SECTIONS, check_document
from llmgateway_server.config.document import MAX_FILE_BYTES, Value, read_document, value_at
from llmgateway_server.config.environment import AWS_CREDENTIALS, provider_from_environment, providers_from_environment
from llmgateway_server.config.problems import ConfigError, Path, Problem, format_path
from llmgateway_server.config.references import References, ResolvedDocument, resolve_references
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.config.route_checks import ExpressionCheck
from llmgateway_server.config.schema import describe_error
from llmgateway_server.config.section import FROM_FILE
from llmgateway_server.config.settings import ProviderSettings, Settings
from llmgateway_server.config.vendor import VendorRow, VendorRows

SQLITE = "sqlite:///"
CREDENTIALS = frozenset(("api_keys", "access_token", "credentials", *AWS_CREDENTIALS))


def load_settings(
    path: FilePath,
    environment: Mapping[str, str],
    vendors: VendorRows,
    find_expression_problem: ExpressionCheck | None = None,
) -> Settings:
    """Read a configuration file.

    Relative paths in it start at its folder. A file without `providers` gets those that the environment
    offers; a provider named like a vendor takes from that vendor's environment variables what the file leaves
    open (`complete_provider`). `find_expression_problem` says what is wrong with a rule's expression, None if nothing
    is; without it, expressions are checked where they are compiled. Raises `ConfigError` with every problem.
    """
    document = resolve_references(read_document(read_text(path)), References(environment, path.parent))
    fill_empty_sections(document)
    anchor_tls_paths(document, path.parent)
    anchor_ledger(document, path.parent)
    named = document.at(("providers",))
    offered = {} if named is not None else providers_from_environment(environment, vendors)
    providers = frozenset(named if isinstance(named, dict) else offered)
    check_document(document, environment, vendors, providers, find_expression_problem)
    settings = validate(document)
    if document.problems or settings is None:
        raise ConfigError(str(path), document.problems)
    complete = offered if named is None else complete_providers(settings, environment, vendors)
    return settings.model_copy(update={"providers": complete})


def read_text(path: FilePath) -> str:
    """Read a configuration file as text; raise `ConfigError` where it cannot be."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "the path is not valid"
        raise ConfigError(str(path), [Problem(0, "", f"the file cannot be read: {reason}")]) from error
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(str(path), [Problem(0, "", f"the file is larger than {MAX_FILE_BYTES} bytes")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError(str(path), [Problem(line, "", "the file is not UTF-8")]) from error


def fill_empty_sections(document: ResolvedDocument) -> None:
    """Treat a key with nothing below it as absent where it may hold more: all its lines may be comments."""
    root = document.value
    if not isinstance(root, dict):
        return
    drop_empty(root)
    auth, providers = root.get("auth"), root.get("providers")
    if isinstance(auth, dict) and auth.get("keys") is None:
        auth.pop("keys", None)
    if isinstance(providers, dict):
        for name, provider in providers.items():
            if provider is None:
                providers[name] = {}
            elif isinstance(provider, dict):
                drop_empty(provider)


def drop_empty(section: dict[str, Value]) -> None:
    """Remove the keys without a value."""
    for name in [name for name, value in section.items() if value is None]:
        del section[name]


def anchor_tls_paths(document: ResolvedDocument, folder: FilePath) -> None:
    """Let relative paths of certificates start at the folder of the configuration file."""
    for section in TLS_SECTIONS:
        tls = document.at(("server", section))
        if isinstance(tls, dict):
            for name, value in tls.items():
                if isinstance(value, str) and value and "\n" not in value:
                    tls[name] = str(folder / value)


def anchor_ledger(document: ResolvedDocument, folder: FilePath) -> None:
    """Let the relative path of a ledger's file start at the folder of the configuration file."""
    store, url = document.at(("store",)), document.at(("store", "url"))
    if isinstance(store, dict) and isinstance(url, str) and url.startswith(SQLITE) and len(url) > len(SQLITE):
        store["url"] = f"{SQLITE}{folder.absolute() / url.removeprefix(SQLITE)}"


def validate(document: ResolvedDocument) -> Settings | None:
    """Check the types; report what is wrong, beside what is reported for the same place already."""
    try:
        return validate_value(document.value)
    except ValidationError as error:
        first = error
    if not convert_references(document, first):
        report_errors(document, first)
        return None
    try:
        return validate_value(document.value)
    except ValidationError as error:
        report_errors(document, error)
        return None


def validate_value(value: Value) -> Settings:
    """Check the types of a whole configuration; raise pydantic's `ValidationError`."""
    return Settings.model_validate(value, context=FROM_FILE, by_alias=True, by_name=False)


def convert_references(document: ResolvedDocument, error: ValidationError) -> bool:
    """Turn texts that came by reference into the numbers and switches that are needed in their place.

    A variable is always text, while a literal's type shows in the file. Returns whether anything changed.
    """
    changed = False
    for detail in error.errors(include_url=False, include_context=False, include_input=False):
        path: Path = detail["loc"]
        text = document.at(path) if path in document.written else None
        if not isinstance(text, str):
            continue
        if detail["type"] == "int_type" and text.isascii() and text.isdigit() and len(text) < 16:
            set_value(document.value, path, int(text))
            changed = True
        elif detail["type"] == "bool_type" and text in ("true", "false"):
            set_value(document.value, path, text == "true")
            changed = True
    return changed


def report_errors(document: ResolvedDocument, error: ValidationError) -> None:
    """Add a problem for each type error, unless the same place has one already."""
    reported = {problem.path for problem in document.problems}
    for detail in error.errors(include_url=False, include_input=False):
        path, value = place_of(document, detail["loc"])
        if format_path(path) not in reported or not path:
            document.report(path, describe_error(detail, value))


def place_of(document: ResolvedDocument, path: Path) -> tuple[Path, Value]:
    """Return where an error stands in the document, and what stands there.

    Pydantic says `[key]` for a key itself, and goes on into what is written as a text alone.
    """
    if path[-1:] == ("[key]",) and document.at(path) is None:
        return path[:-1], str(path[-2])
    while path and isinstance(document.at(path[:-1]), str):
        path = path[:-1]
    return path, document.at(path)


def set_value(value: Value, path: Path, new: Value) -> None:
    """Replace the value at `path`, which exists."""
    holder = value_at(value, path[:-1])
    if isinstance(holder, dict):
        holder[cast("str", path[-1])] = new
    elif isinstance(holder, list):
        holder[cast("int", path[-1])] = new


def complete_providers(
    settings: Settings, environment: Mapping[str, str], vendors: VendorRows
) -> Mapping[str, ProviderSettings]:
    """Fill in what providers leave open: the general timeouts, and what the environment says of their vendors."""
    return {
        name: complete_provider(complete_timeouts(provider, settings.timeouts), vendors.get(name), environment)
        for name, provider in settings.providers.items()
    }


def complete_timeouts(provider: ProviderSettings, general: TimeoutSettings) -> ProviderSettings:
    """Let a provider's own timeouts override the general ones, each by itself."""
    own = provider.timeouts
    if own is None:
        return provider
    overrides = {name: getattr(own, name) for name in own.model_fields_set}
    return provider.model_copy(update={"timeouts": general.model_copy(update=overrides)})


def complete_provider(
    provider: ProviderSettings, row: VendorRow | None, environment: Mapping[str, str]
) -> ProviderSettings:
    """Take from the environment what the file leaves to the vendor's row.

    A provider whose file names a base URL or credentials gets neither from there: a key must not travel to another
    host than its own. Region, project and location say only where the vendor itself is asked.
    """
    own = provider.model_fields_set
    if row is None or {"base_url", "dialect"} & own:
        return provider
    offered = provider_from_environment(row, environment)
    taken = {name for name in offered.model_fields_set - own if getattr(offered, name) is not None}
    if CREDENTIALS & own:
        taken -= CREDENTIALS | {"base_url"}
    return provider.model_copy(update={name: getattr(offered, name) for name in taken})
