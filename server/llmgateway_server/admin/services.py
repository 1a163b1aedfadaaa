"""The admin services together."""

from __future__ import annotations

from dataclasses import dataclass

from llmgateway_server.admin.keys import KeyService
from llmgateway_server.admin.quotas import QuotaService
from llmgateway_server.admin.teams import TeamService
from llmgateway_server.admin.usage import UsageService


@dataclass(frozen=True, slots=True)
class AdminServices:
    """One of each."""

    keys: KeyService
    teams: TeamService
    quotas: QuotaService
    usage: UsageService
