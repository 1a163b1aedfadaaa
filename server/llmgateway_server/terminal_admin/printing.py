"""Prints objects: as a table, or as JSON and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from google.protobuf.message import Message
from llmgateway.admin.v1.key_pb2 import Key
from llmgateway.admin.v1.quota_pb2 import Quota
from llmgateway.admin.v1.team_pb2 import Team
from rich.table import Table

from llmgateway_server.terminal import write_to
from llmgateway_server.terminal_admin.documents import document_of
from llmgateway_server.terminal_admin.objects import object_facts
from llmgateway_server.terminal_admin.tables import show, show_json

Listed = TypeVar("Listed", bound=Message)

JSON = "json"


def print_list(found: Sequence[Listed], shown_as: str, table_of: Callable[[Sequence[Listed]], Table]) -> None:
    """Print objects."""
    if shown_as == JSON:
        show_json([document_of(each) for each in found])
    else:
        show(table_of(found))


def print_object(found: Key | Team | Quota, shown_as: str) -> None:
    """Print one object."""
    if shown_as == JSON:
        show_json(document_of(found))
    else:
        show(object_facts(found))


def print_secret(key: Key, secret: str, shown_as: str) -> None:
    """Print a key with its secret."""
    if shown_as == JSON:
        show_json({"key": document_of(key), "secret": secret})
    else:
        write_to(sys.stdout)(f"The secret, shown this once:\n\n  {secret}\n\n")
        show(object_facts(key))
