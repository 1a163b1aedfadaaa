"""A team as it is stored."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

TEAM_KIND = "team"


class TeamBody(msgspec.Struct, frozen=True):
    """A team. `parent` is the id of the team that it is a part of; empty right below the organization."""

    display_name: str = ""
    parent: str = ""
    labels: Mapping[str, str] = msgspec.field(default_factory=dict)
