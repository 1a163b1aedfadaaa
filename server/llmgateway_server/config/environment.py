"""Providers that the environment offers, by the variables that vendors' own tools read."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import SecretStr

from llmgateway_server.config.checks import find_url_problem
from llmgateway_server.config.problems import ConfigError, Problem
from llmgateway_server.config.secrets import is_header_safe
from llmgateway_server.config.settings import ProviderSettings, Settings
from llmgateway_server.config.vendor import VendorRow, VendorRows, address_fields, variables_of

SOURCE = "environment"
AWS_CREDENTIALS = ("access_key_id", "secret_access_key", "session_token")


def settings_from_environment(environment: Mapping[str, str], vendors: VendorRows) -> Settings:
    """Return the settings of a gateway without a configuration file.

    It has the defaults, and the providers that the environment offers. Raises `ConfigError`.
    """
    return Settings(providers=providers_from_environment(environment, vendors))


def providers_from_environment(environment: Mapping[str, str], vendors: VendorRows) -> Mapping[str, ProviderSettings]:
    """Return `mock` and each vendor whose key or base URL the environment holds. Raises `ConfigError`."""
    return {
        name: without_chain(provider_from_environment(row, environment))
        for name, row in vendors.items()
        if row.served_by_default or names_vendor(row, environment)
    }


def without_chain(provider: ProviderSettings) -> ProviderSettings:
    """Ask no chain for a provider that nobody configured: a variable for other tools must not stop the start."""
    has_credentials = provider.api_keys or provider.access_token is not None or provider.access_key_id is not None
    return provider if has_credentials else provider.model_copy(update={"credentials": "none"})


def names_vendor(row: VendorRow, environment: Mapping[str, str]) -> bool:
    """Whether the environment says enough to reach a vendor: its key or its base URL. An empty variable is unset.

    A vendor that gives each customer an address of their own (Azure) needs that one, and one with an address for
    each region needs the region. AWS' pair of credentials is as good as a key.
    """
    settings = variables_of(row, environment)
    has_address = bool(row.base_url) and address_fields(row) <= settings.keys()
    if not has_address and not (row.base_url_variable and environment.get(row.base_url_variable)):
        return False
    if {"access_key_id", "secret_access_key"} <= settings.keys():
        return True
    return any(environment.get(variable) for variable in (row.key_variable, row.base_url_variable) if variable)


def provider_from_environment(row: VendorRow, environment: Mapping[str, str]) -> ProviderSettings:
    """Return what the environment says of one vendor, as far as it is set. A key goes before AWS' credentials.

    Raises `ConfigError`, which names the variable and not its value.
    """
    problems: list[Problem] = []
    key = environment.get(row.key_variable, "").strip() if row.key_variable else ""
    if key and not is_header_safe(key):
        problems.append(Problem(0, row.key_variable, "a key has visible ASCII characters only, and no spaces"))
    base_url = environment.get(row.base_url_variable, "").strip() if row.base_url_variable else ""
    if base_url:
        try:
            base_url = row.read_base_url(base_url)
        except ValueError as error:
            problems.append(Problem(0, row.base_url_variable, str(error)))
        else:
            if problem := find_url_problem(base_url):
                problems.append(Problem(0, row.base_url_variable, problem))
    settings = variables_of(row, environment)
    problems += [
        Problem(0, " or ".join(row.setting_variables[name]), "this has visible ASCII characters only, and no spaces")
        for name, text in settings.items()
        if not is_header_safe(text)
    ]
    if problems:
        raise ConfigError(SOURCE, problems)
    if key or not {"access_key_id", "secret_access_key"} <= settings.keys():
        settings = {name: text for name, text in settings.items() if name not in AWS_CREDENTIALS}
    return ProviderSettings.model_validate(
        {"base_url": base_url or None, "api_keys": (SecretStr(key),) if key else None, **settings}
    )
