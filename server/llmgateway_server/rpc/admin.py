"""The admin services over gRPC: one row an RPC, each through the rim."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import grpc
from google.protobuf.message import Message
from llmgateway.admin.v1 import (
    key_service_pb2,
    quota_service_pb2,
    team_service_pb2,
    usage_service_pb2,
)

from llmgateway_server.admin.services import AdminServices
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.rpc.methods import Method, StreamMethod, UnaryMethod
from llmgateway_server.rpc.rim import Rim
from llmgateway_server.rpc.servicer import reader_of, serialize, stream_behaviour, unary_behaviour

# Reading the names from the descriptors also registers them, so that reflection can show them.
KEYS = key_service_pb2.DESCRIPTOR.services_by_name["KeyService"].full_name
TEAMS = team_service_pb2.DESCRIPTOR.services_by_name["TeamService"].full_name
QUOTAS = quota_service_pb2.DESCRIPTOR.services_by_name["QuotaService"].full_name
USAGE = usage_service_pb2.DESCRIPTOR.services_by_name["UsageService"].full_name
ADMIN_SERVICES = (KEYS, TEAMS, QUOTAS, USAGE)


def admin_methods_of(services: AdminServices) -> Mapping[str, Sequence[Method]]:
    """Return the table of RPCs by the full name of their service."""
    keys, teams, quotas, usage = services.keys, services.teams, services.quotas, services.usage
    return {
        KEYS: (
            UnaryMethod("GetKey", key_service_pb2.GetKeyRequest, keys.get_key),
            UnaryMethod("ListKeys", key_service_pb2.ListKeysRequest, keys.list_keys),
            UnaryMethod("CreateKey", key_service_pb2.CreateKeyRequest, keys.create_key),
            UnaryMethod("UpdateKey", key_service_pb2.UpdateKeyRequest, keys.update_key),
            UnaryMethod("RevokeKey", key_service_pb2.RevokeKeyRequest, keys.revoke_key),
            UnaryMethod("RotateKey", key_service_pb2.RotateKeyRequest, keys.rotate_key),
            UnaryMethod("DeleteKey", key_service_pb2.DeleteKeyRequest, keys.delete_key),
        ),
        TEAMS: (
            UnaryMethod("GetTeam", team_service_pb2.GetTeamRequest, teams.get_team),
            UnaryMethod("ListTeams", team_service_pb2.ListTeamsRequest, teams.list_teams),
            UnaryMethod("CreateTeam", team_service_pb2.CreateTeamRequest, teams.create_team),
            UnaryMethod("UpdateTeam", team_service_pb2.UpdateTeamRequest, teams.update_team),
            UnaryMethod("DeleteTeam", team_service_pb2.DeleteTeamRequest, teams.delete_team),
        ),
        QUOTAS: (
            UnaryMethod("GetQuota", quota_service_pb2.GetQuotaRequest, quotas.get_quota),
            UnaryMethod("ListQuotas", quota_service_pb2.ListQuotasRequest, quotas.list_quotas),
            UnaryMethod("CreateQuota", quota_service_pb2.CreateQuotaRequest, quotas.create_quota),
            UnaryMethod("UpdateQuota", quota_service_pb2.UpdateQuotaRequest, quotas.update_quota),
            UnaryMethod("DeleteQuota", quota_service_pb2.DeleteQuotaRequest, quotas.delete_quota),
            UnaryMethod("ListBannedTargets", quota_service_pb2.ListBannedTargetsRequest, quotas.list_banned_targets),
            UnaryMethod("AcknowledgeOverrun", quota_service_pb2.AcknowledgeOverrunRequest, quotas.acknowledge_overrun),
        ),
        USAGE: (
            UnaryMethod("QueryUsage", usage_service_pb2.QueryUsageRequest, usage.query_usage),
            StreamMethod("ExportUsage", usage_service_pb2.ExportUsageRequest, usage.export_usage),
            UnaryMethod("AdjustUsage", usage_service_pb2.AdjustUsageRequest, usage.adjust_usage),
            UnaryMethod("ReconcileUsage", usage_service_pb2.ReconcileUsageRequest, usage.reconcile_usage),
        ),
    }


def admin_handlers(
    services: AdminServices, rim: Rim, limits: LimitSettings
) -> Sequence[grpc.GenericRpcHandler[Message, Message]]:
    """Return the handlers to add to a grpc.aio server, one a service."""
    return [
        grpc.method_handlers_generic_handler(name, {row.name: handler_of(row, rim, limits) for row in rows})
        for name, rows in admin_methods_of(services).items()
    ]


def handler_of(row: Method, rim: Rim, limits: LimitSettings) -> Any:  # Any: the library's handlers have no type
    """Return the library's handler of one RPC."""
    if isinstance(row, UnaryMethod):
        return grpc.unary_unary_rpc_method_handler(
            unary_behaviour(row, rim, limits),
            request_deserializer=reader_of(row.request_type),
            response_serializer=serialize,
        )
    return grpc.unary_stream_rpc_method_handler(
        stream_behaviour(row, rim, limits),
        request_deserializer=reader_of(row.request_type),
        response_serializer=serialize,
    )
