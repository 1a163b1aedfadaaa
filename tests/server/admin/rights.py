"""Who may do what, written out: the table that the gateway's own is held against.

Each column is a role: viewer, member, admin, owner. `o` is the caller's own, `b` what is below it, `x` what belongs to others,
`-` nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway_server.auth.roles import Role, Whose

LETTERS = {"o": Whose.OWN, "b": Whose.BELOW, "x": Whose.OTHER}

TABLE = """
KeyService.GetKey                   ob  ob  ob  obx
KeyService.ListKeys                 ob  ob  ob  obx
KeyService.CreateKey                -   -   b   obx
KeyService.CreateKey/display_name   -   -   b   obx
KeyService.CreateKey/team           -   -   b   obx
KeyService.CreateKey/role           -   -   b   obx
KeyService.CreateKey/models         -   -   b   obx
KeyService.CreateKey/cache_scopes   -   -   b   obx
KeyService.CreateKey/labels         -   -   b   obx
KeyService.CreateKey/require        -   -   b   obx
KeyService.CreateKey/weight         -   -   b   obx
KeyService.CreateKey/expire_time    -   -   b   obx
KeyService.CreateKey/ip_ranges      -   -   b   obx
KeyService.UpdateKey                -   -   ob  obx
KeyService.UpdateKey/display_name   -   -   ob  obx
KeyService.UpdateKey/team           -   -   b   obx
KeyService.UpdateKey/role           -   -   b   obx
KeyService.UpdateKey/models         -   -   b   obx
KeyService.UpdateKey/cache_scopes   -   -   b   obx
KeyService.UpdateKey/labels         -   -   b   obx
KeyService.UpdateKey/require        -   -   b   obx
KeyService.UpdateKey/weight         -   -   b   obx
KeyService.UpdateKey/expire_time    -   -   b   obx
KeyService.UpdateKey/ip_ranges      -   -   b   obx
KeyService.RevokeKey                -   -   ob  obx
KeyService.RotateKey                -   o   ob  obx
KeyService.DeleteKey                -   -   b   obx
TeamService.GetTeam                 ob  ob  ob  obx
TeamService.ListTeams               ob  ob  ob  obx
TeamService.CreateTeam              -   -   b   obx
TeamService.CreateTeam/display_name -   -   b   obx
TeamService.CreateTeam/parent       -   -   b   obx
TeamService.CreateTeam/labels       -   -   b   obx
TeamService.UpdateTeam              -   -   b   obx
TeamService.UpdateTeam/display_name -   -   b   obx
TeamService.UpdateTeam/parent       -   -   b   obx
TeamService.UpdateTeam/labels       -   -   b   obx
TeamService.DeleteTeam              -   -   b   obx
QuotaService.GetQuota               ob  ob  ob  obx
QuotaService.ListQuotas             ob  ob  ob  obx
QuotaService.CreateQuota            -   -   b   obx
QuotaService.CreateQuota/scope      -   -   b   obx
QuotaService.CreateQuota/metric     -   -   b   obx
QuotaService.CreateQuota/window     -   -   b   obx
QuotaService.CreateQuota/limit      -   -   b   obx
QuotaService.CreateQuota/timezone   -   -   b   obx
QuotaService.CreateQuota/anchor_day -   -   b   obx
QuotaService.CreateQuota/anchor_hour -  -   b   obx
QuotaService.CreateQuota/warn_fractions - - b   obx
QuotaService.CreateQuota/enforcement -  -   b   obx
QuotaService.UpdateQuota            -   -   b   obx
QuotaService.UpdateQuota/limit      -   -   b   obx
QuotaService.UpdateQuota/warn_fractions - - b   obx
QuotaService.UpdateQuota/enforcement -  -   b   obx
QuotaService.DeleteQuota            -   -   b   obx
QuotaService.ListBannedTargets      -   -   -   obx
QuotaService.AcknowledgeOverrun     -   -   -   obx
UsageService.QueryUsage             ob  ob  ob  obx
UsageService.ExportUsage            ob  ob  ob  obx
UsageService.AdjustUsage            -   -   -   obx
UsageService.ReconcileUsage         -   -   -   obx
"""


def read_table() -> Mapping[str, Mapping[Role, frozenset[Whose]]]:
    """Return the table by `Service.Rpc` or `Service.Rpc/field`."""
    table = {}
    for line in TABLE.split("\n"):
        if line:
            name, *cells = line.split()
            read = [frozenset(LETTERS[letter] for letter in cell if letter != "-") for cell in cells]
            table[name] = dict(zip(Role, read, strict=True))
    return table


RIGHTS = read_table()
