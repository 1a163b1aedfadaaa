"""What the types of the settings cannot say: rules between values, and rules about how a value is written.

Each check reads the document, not the settings, so that it runs beside the type errors and all problems come
at once. It leaves alone what has the wrong type: that is reported already. Keys and references are never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from llmgateway_server.config.address import parse_address
from llmgateway_server.config.document import Value
from llmgateway_server.config.problems import Path, format_path, suggest
from llmgateway_server.config.references import ResolvedDocument
from llmgateway_server.config.route_checks import ExpressionCheck, check_routes
from llmgateway_server.config.secrets import find_weakness, is_header_safe, looks_like_provider_key
from llmgateway_server.config.vendor import VendorRows, address_fields, variables_of

LISTENERS = ("grpc_listen", "http_listen", "metrics_listen", "admin_listen")
TLS_SECTIONS = ("grpc_tls", "http_tls")

_PROVIDER_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


def check_document(
    document: ResolvedDocument,
    environment: Mapping[str, str],
    vendors: VendorRows,
    provider_names: frozenset[str],
    find_expression_problem: ExpressionCheck | None,
) -> None:
    """Report every problem of `document` that is no type error.

    `provider_names` are the providers that routes may name; `environment` completes what they leave to their vendors.
    `find_expression_problem` is as in `load_settings`.
    """
    check_listeners(document)
    check_tls(document)
    check_keys(document)
    check_providers(document, environment, vendors)
    check_routes(document, provider_names, find_expression_problem)
    check_models(document, provider_names)
    check_store(document)
    check_quotas(document, provider_names)


def check_listeners(document: ResolvedDocument) -> None:
    """Addresses are well-formed, and no two are the same."""
    seen: dict[str, str] = {}
    for name in LISTENERS:
        path: Path = ("server", name)
        text = document.text_at(path)
        if text is None:
            continue
        try:
            address = parse_address(text)
        except ValueError as error:
            document.report(path, f"{document.show(path, text)} is no address: {error}")
            continue
        if address.port and str(address) in seen:
            document.report(path, f"this is also the address of {seen[str(address)]}; each needs its own")
        seen.setdefault(str(address), f"server.{name}")


def check_tls(document: ResolvedDocument) -> None:
    """Files of certificates and keys are named by path and can be read."""
    for section in TLS_SECTIONS:
        for name in ("certificate", "key", "client_ca"):
            path: Path = ("server", section, name)
            text = document.text_at(path)
            if not text:
                continue
            if "\n" in text:
                document.report(path, "this is the path of a PEM file, not its content")
                continue
            try:
                with open(text, "rb") as file:
                    file.read(1)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) and error.strerror else "the path is not valid"
                document.report(path, f"the file {document.show(path, text)} cannot be read: {reason}")


def check_keys(document: ResolvedDocument) -> None:
    """Virtual keys have names and secrets of their own, by reference, and no weak ones."""
    names: dict[str, str] = {}
    secrets: dict[str, str] = {}
    for path, entry in mappings_at(document, ("auth", "keys")):
        shown = format_path(path)
        if ("key" in entry) == ("digest" in entry):
            document.report(path, "a key has either `key` (by reference) or `digest` (from `llmgateway keys new`)")
        name, key, digest = entry.get("name"), entry.get("key"), entry.get("digest")
        if isinstance(name, str) and names.setdefault(name, shown) != shown:
            document.report((*path, "name"), f"{names[name]} has the same name; each key needs its own")
        if isinstance(key, str):
            check_secret(document, (*path, "key"), key)
        secret = key if isinstance(key, str) else digest
        if isinstance(secret, str) and secrets.setdefault(secret, shown) != shown:
            document.report(path, f"{secrets[secret]} has the same secret; each key needs its own")
    pepper = document.text_at(("auth", "pepper"))
    if pepper is not None:
        check_secret(document, ("auth", "pepper"), pepper)


def check_secret(document: ResolvedDocument, path: Path, secret: str) -> None:
    """A secret of the gateway comes by reference and is strong."""
    if path not in document.referenced:
        document.report(path, "a secret is given by reference, never literal: write ${NAME} or ${file:PATH}")
    elif weakness := find_weakness(secret):
        document.report(path, weakness)


def check_providers(document: ResolvedDocument, environment: Mapping[str, str], vendors: VendorRows) -> None:
    """Providers have plain names, a dialect, a base URL, and keys that can be sent."""
    dialects = {row.dialect for row in vendors.values()}
    for path, entry in mappings_at(document, ("providers",)):
        name = str(path[-1])
        if not _PROVIDER_NAME.fullmatch(name):
            document.report(path, "a provider's name has lower-case letters, digits, dots, dashes and underscores only")
        row = vendors.get(name)
        dialect = entry.get("dialect")
        if isinstance(dialect, str) and dialect not in dialects:
            message = f"{document.show((*path, 'dialect'), dialect)} is no dialect{suggest(dialect, sorted(dialects))}"
            document.report((*path, "dialect"), message)
        if row is None and dialect is None:
            document.report(
                path, f"this name is no known vendor, so it needs `dialect`{suggest(name, sorted(vendors))}"
            )
        effective = dialect if isinstance(dialect, str) else row.dialect if row else ""
        check_base_url(document, path, entry, needed=effective in dialects - {"mock"} and not (row and row.base_url))
        own = {field for field, value in entry.items() if value is not None}
        taken = set() if row is None or {"base_url", "dialect"} & own else variables_of(row, environment).keys()
        if row is not None and "base_url" not in own:
            for field in sorted(address_fields(row) - own - taken):
                document.report(path, f"this provider needs `{field}`, which is part of its address, or `base_url`")
        if effective == "llmgateway" and has_path(entry.get("base_url")):
            document.report((*path, "base_url"), "the address of another gateway is a host and a port, without a path")
        check_aws_credentials(document, path, own, has_region="region" in own | taken)
        check_chain(document, path, entry, effective, has_region="region" in own | taken)
        if effective != "mock" and entry.get("script") is not None:
            document.report((*path, "script"), "only the dialect mock has a script")
        check_provider_keys(document, (*path, "api_keys"), entry.get("api_keys"))


def check_aws_credentials(document: ResolvedDocument, path: Path, own: set[str], *, has_region: bool) -> None:
    """Static credentials of AWS are whole, and have a region to be signed for."""
    given = [name for name in ("access_key_id", "secret_access_key", "session_token") if name in own]
    for needed in ("access_key_id", "secret_access_key", "region"):
        if given and needed not in own and not (needed == "region" and has_region):
            document.report(path, f"`{given[0]}` needs `{needed}` beside it")


def check_chain(
    document: ResolvedDocument, path: Path, entry: dict[str, Value], dialect: str, *, has_region: bool
) -> None:
    """What names a chain gives no credentials of its own; AWS' has requests to sign, and a region for it."""
    if entry.get("credentials") is None:
        return
    inner: Path = (*path, "credentials")
    for name in ("api_keys", "access_token", "access_key_id"):
        if entry.get(name) is not None:
            document.report(inner, f"`{name}` stands beside it: leave one of the two out")
    if entry["credentials"] == "aws" and not has_region:
        document.report(path, "`credentials: aws` needs `region` beside it")
    if entry["credentials"] == "aws" and dialect != "bedrock":
        document.report(inner, "only requests of the dialect bedrock are signed for AWS")


def check_base_url(document: ResolvedDocument, path: Path, entry: dict[str, Value], *, needed: bool) -> None:
    """A base URL is http or https, with a host, and without credentials."""
    url = entry.get("base_url")
    if url is None and needed:
        document.report(path, "this provider needs `base_url`, as its documentation names it")
    if isinstance(url, str) and (problem := find_url_problem(url)):
        document.report((*path, "base_url"), problem)


def has_path(url: Value) -> bool:
    """Whether a base URL leads further than to its host. What is no URL is reported elsewhere."""
    try:
        return isinstance(url, str) and bool(urlsplit(url).path.strip("/"))
    except ValueError:
        return False


def find_url_problem(url: str) -> str | None:
    """Say what is wrong with a provider's base URL, without showing it; None if nothing is."""
    try:
        parts = urlsplit(url)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        return "this is no URL"
    if parts.scheme not in ("http", "https") or not parts.hostname or not port_is_valid:
        return "a base URL starts with http:// or https:// and a host, for example https://api.openai.com/v1"
    if "@" in parts.netloc:
        return "a base URL holds no credentials: put them under `api_keys`"
    if parts.query or parts.fragment or not re.fullmatch(r"[!-~]+", url):
        return "a base URL has no query, no fragment and no spaces"
    return None


def check_provider_keys(document: ResolvedDocument, path: Path, keys: Value) -> None:
    """Provider keys come by reference, unless they are placeholders, and can be sent in a header."""
    for index, key in enumerate(keys if isinstance(keys, list) else ()):
        if not isinstance(key, str):
            continue
        inner: Path = (*path, index)
        if inner not in document.referenced and looks_like_provider_key(key):
            document.report(inner, "this looks like a real key; give it by reference: write ${NAME} or ${file:PATH}")
        elif not is_header_safe(key):
            document.report(inner, "a key has visible ASCII characters only, at least one and no spaces")


def check_models(document: ResolvedDocument, provider_names: frozenset[str]) -> None:
    """What is said of models is said of a known provider's."""
    models = document.at(("models",))
    for name in models if isinstance(models, dict) else ():
        provider, slash, model = str(name).partition("/")
        if not slash or not model or provider not in provider_names:
            shown = suggest(provider, sorted(provider_names))
            document.report(("models", name), f"a model is named provider/model, with a configured provider{shown}")


def check_store(document: ResolvedDocument) -> None:
    """Passwords of databases come by reference."""
    for path in (("store", "url"), ("store", "redis", "url")):
        text = document.text_at(path)
        if text is None or path in document.referenced:
            continue
        try:
            has_password = urlsplit(text).password is not None
        except ValueError:
            has_password = "@" in text
        if has_password:
            document.report(path, "this address holds a password; give it by reference: write ${NAME} or ${file:PATH}")


def check_quotas(document: ResolvedDocument, provider_names: frozenset[str]) -> None:
    """No two quotas count the same, and providers are known."""
    seen: dict[tuple[Value, ...], str] = {}
    for path, entry in mappings_at(document, ("quotas",)):
        names = ("scope", "metric", "window", "timezone", "anchor_day", "anchor_hour", "enforcement")
        counted = tuple(str(entry.get(name, "")) for name in names)
        if counted in seen:
            document.report(path, f"this is the same quota as {seen[counted]}: keep one of them")
        seen.setdefault(counted, format_path(path))
        kind, slash, name = str(entry.get("scope", "")).partition("/")
        provider = name.partition("/")[0]
        if slash and kind in ("provider", "model") and provider != "*" and provider not in provider_names:
            shown = suggest(provider, sorted(provider_names))
            document.report((*path, "scope"), f"no such provider is configured{shown}")


def mappings_at(document: ResolvedDocument, path: Path) -> Iterator[tuple[Path, dict[str, Value]]]:
    """Yield the mappings in the list or mapping at `path`, each with its own path.

    An empty entry (`mock:`) counts as an empty mapping.
    """
    value = document.at(path)
    steps: Iterator[tuple[str | int, Value]] = iter(())
    if isinstance(value, dict):
        steps = iter(value.items())
    elif isinstance(value, list):
        steps = iter(enumerate(value))
    for step, item in steps:
        if isinstance(item, dict):
            yield (*path, step), item
