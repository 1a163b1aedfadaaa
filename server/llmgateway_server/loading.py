"""From where the configuration stands to settings that a gateway may serve with: alike at the start and in a reload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llmgateway_server.auth.keys import Keyring
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.data_folder import complete_store
from llmgateway_server.config.environment import settings_from_environment
from llmgateway_server.config.loader import load_settings
from llmgateway_server.config.problems import ConfigError
from llmgateway_server.config.restart import Started, find_opening
from llmgateway_server.config.settings import Settings
from llmgateway_server.config.start import check_start
from llmgateway_server.config.watch import read_content
from llmgateway_server.providers import find_problems
from llmgateway_server.routing.expressions import find_problem as find_expression_problem


class Refused(Exception):  # noqa: N818  # an outcome, which the command line and a reload tell each in its own way
    """A configuration that cannot be served with. The message has a line for each problem, and no secret."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a gateway's settings come from: a file, or the environment alone.

    `listen` holds the command line's addresses by setting, which stand above both, None where it gives none. `content`
    is what the file held just before it was first read, None where it cannot be read a second time.
    """

    config: Path | None
    listen: Mapping[str, str | None]
    environment: Mapping[str, str]
    content: bytes | None

    @property
    def name(self) -> str:
        """What problems call it."""
        return str(self.config or "command line")


def open_source(config: Path | None, listen: Mapping[str, str | None], environment: Mapping[str, str]) -> Source:
    """Return the source that the command line names."""
    return Source(config, listen, environment, read_content(config) if config is not None else None)


def load(source: Source) -> Settings:
    """Return the settings to start with. Raise `Refused`."""
    settings = override_listeners(read_settings(source.config, source.environment), source.listen)
    settings = complete_store(settings)
    check_settings(settings, source.name)
    return settings


@dataclass(frozen=True, slots=True)
class Reloaded:
    """Settings to go on with. `kept` names what the file has changed and only the next start changes."""

    settings: Settings
    kept: tuple[str, ...]


def load_again(source: Source, started: Started, current: Settings) -> Reloaded:
    """Return the settings that the file asks for by now, for a gateway that runs with `current`. Raise `Refused`.

    The file must be good for a start, and for this gateway with what it keeps of its own.
    """
    wanted = load(source)
    if problems := list(find_opening(current, wanted)):
        raise Refused(str(ConfigError(source.name, problems)))
    settings = started.keep(wanted)
    if settings != wanted:
        check_settings(settings, source.name)
    return Reloaded(settings, tuple(started.find_changes(wanted)))


def read_settings(config: Path | None, environment: Mapping[str, str]) -> Settings:
    """Return the settings of a file, or of the environment. Raise `Refused`."""
    try:
        if config is None:
            return settings_from_environment(environment, load_vendors())
        return load_settings(config, environment, load_vendors(), find_expression_problem)
    except ConfigError as error:
        raise Refused(str(error)) from error


def override_listeners(settings: Settings, listen: Mapping[str, str | None]) -> Settings:
    """Return the settings with the addresses that the command line gave."""
    given = {name: address for name, address in listen.items() if address is not None}
    return settings.model_copy(update={"server": settings.server.model_copy(update=given)})


def check_settings(settings: Settings, source: str) -> None:
    """Raise `Refused` where a gateway must not serve with these settings; `source` says where they come from."""
    vendors = load_vendors()
    try:
        check_start(settings, vendors, source)
        if problems := list(find_problems(settings, vendors)):
            raise ConfigError(source, problems)
        Keyring.from_settings(settings.auth)
    except (ConfigError, ValueError) as error:
        raise Refused(str(error)) from error
