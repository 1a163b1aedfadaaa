"""What a running gateway keeps until it is started anew: sockets, and what was built around them.

A reload reads the whole file all the same. Settings of this kind stay as they were everywhere, so that no two parts
of the gateway differ about them, and each that the file has changed is named.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from llmgateway_server.config.problems import Problem
from llmgateway_server.config.section import Section
from llmgateway_server.config.settings import ServerSettings, Settings

# By section, the attributes that are read once. All others hold from the next call on.
KEPT: Mapping[str, tuple[str, ...]] = {
    "server": (
        "grpc_listen",
        "http_listen",
        "metrics_listen",
        "admin_listen",
        "grpc_tls",
        "http_tls",
        "reflection",
        "channelz",
    ),
    "limits": (
        "request_bytes",
        "metadata_bytes",
        "json_depth",
        "concurrent_streams",
        "body_bytes_in_flight",
        "header_timeout_s",
        "body_timeout_s",
        "reader_stall_s",
        "header_hold_s",
        "keep_alive_s",
    ),
    "store": ("url", "redis"),
    "log": ("calls",),
}
TLS_SECTIONS = ("grpc_tls", "http_tls")
PEM_FILES = ("certificate", "key", "client_ca")


@dataclass(frozen=True, slots=True)
class Started:
    """What a gateway was started with: its settings, and the content of its PEM files as digests by their settings."""

    settings: Settings
    pem_digests: Mapping[str, str]

    @classmethod
    def with_settings(cls, settings: Settings) -> Started:
        """Remember the settings of a start; read the PEM files that they name."""
        return cls(settings, digest_pem_files(settings.server))

    def keep(self, settings: Settings) -> Settings:
        """Return new settings, with those of the start in the place of what cannot change."""
        return settings.model_copy(update={name: self._keep_section(name, settings) for name in KEPT})

    def find_changes(self, settings: Settings) -> Iterator[str]:
        """Yield what differs from the start and waits for the next one, as the file names it."""
        for section, names in KEPT.items():
            before, now = section_of(self.settings, section), section_of(settings, section)
            for name in names:
                if getattr(before, name) != getattr(now, name):
                    yield f"{section}.{written_name(now, name)}"
        if settings.auth.keys and not self.settings.auth.keys:
            yield "that REST answers this machine's own programs only (auth.keys)"
        renewed = digest_pem_files(self.settings.server)
        for name, digest in self.pem_digests.items():
            if renewed[name] != digest:
                yield f"the content of {name}"

    def _keep_section(self, name: str, settings: Settings) -> Section:
        started = section_of(self.settings, name)
        kept = {attribute: getattr(started, attribute) for attribute in KEPT[name]}
        return section_of(settings, name).model_copy(update=kept)


def section_of(settings: Settings, name: str) -> Section:
    """Return a section of the settings."""
    section: Section = getattr(settings, name)
    return section


def written_name(section: Section, attribute: str) -> str:
    """Return what a setting is called in a file."""
    return type(section).model_fields[attribute].alias or attribute


def digest_pem_files(server: ServerSettings) -> dict[str, str]:
    """Return a digest of each PEM file that is in use, by its setting; it is empty where the file cannot be read."""
    digests = {}
    for section in TLS_SECTIONS:
        tls = getattr(server, section)
        for name in PEM_FILES:
            path = getattr(tls, name, None)
            if path is not None:
                digests[f"server.{section}.{name}"] = digest_file(Path(path))
    return digests


def digest_file(path: Path) -> str:
    """Return a digest of a file's content, nothing where it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def find_opening(before: Settings, now: Settings) -> Iterator[Problem]:
    """Find that a gateway which asks for keys would let in everybody from now on.

    A file that is written by a template may lose its keys by mistake; who means it starts the gateway anew.
    """
    if before.auth.keys and not now.auth.keys:
        yield Problem(0, "auth.keys", "without any key every caller is let in: that takes a restart")
