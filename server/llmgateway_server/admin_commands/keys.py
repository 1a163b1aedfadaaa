"""`llmgateway keys`: who may call, and what."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import click

from llmgateway_server.admin_commands.drafts import clear_of, given_of, mask_of
from llmgateway_server.admin_commands.parameters import ETAG, KEY_NAME, MOMENT, SHOWN, SPAN, TEAM_NAME, WordType
from llmgateway_server.admin_commands.reaching import administers, run_admin
from llmgateway_server.client_commands import PAIR, Connection, with_options

ROLE = WordType("ROLE_", ("viewer", "member", "admin", "owner"))
CACHE_SCOPE = WordType("SCOPE_", ("end_user", "key", "team", "organization"))
CLEARABLE = (
    *("display_name", "team", "role", "models", "cache_scopes", "labels"),
    *("require", "weight", "expire_time", "ip_ranges"),
)
CLEAR = clear_of(CLEARABLE)

KEY = click.argument("name", metavar="KEY", type=KEY_NAME)


def describes_key(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each field of a key."""
    return with_options(
        command,
        click.option("--display-name", help="What people call it."),
        click.option("--team", type=TEAM_NAME, help="The team that it belongs to."),
        click.option("--role", type=ROLE, help="How much it may do."),
        click.option("--model", "models", multiple=True, help="A model, pattern or route to call; may be repeated."),
        click.option(
            "--cache-scope",
            "cache_scopes",
            type=CACHE_SCOPE,
            multiple=True,
            help="Who it may share answers with; may be repeated.",
        ),
        click.option("--label", "labels", type=PAIR, multiple=True, help="Attached to its calls; may be repeated."),
        click.option("--require", type=PAIR, multiple=True, help="A tag that targets must have; may be repeated."),
        click.option("--weight", type=click.IntRange(1, 1_000), help="Its share where calls wait for room."),
        click.option("--expires", "expire_time", type=MOMENT, help="When it ends: 90d (from now) or 2027-01-01."),
        click.option("--ip-range", "ip_ranges", multiple=True, help="A network to call from; may be repeated."),
    )


@click.command("list")
@click.option("--team", type=TEAM_NAME, default="", help="Only keys of this team, not of teams below.")
@SHOWN
@administers
def list_keys(team: str, shown_as: str, connection: Connection) -> None:
    """List keys."""
    from llmgateway.admin.v1 import key_service_pb2 as messages

    from llmgateway_server.terminal_admin.objects import keys_table
    from llmgateway_server.terminal_admin.printing import print_list

    request = messages.ListKeysRequest(team=team)
    pages = run_admin(connection, lambda client: client.pages(client.keys.ListKeys, request))
    print_list([key for page in pages for key in page.keys], shown_as, keys_table)


@click.command("get")
@KEY
@SHOWN
@administers
def get_key(name: str, shown_as: str, connection: Connection) -> None:
    """Tell all that is known of KEY but its secret."""
    from llmgateway.admin.v1 import key_service_pb2 as messages

    from llmgateway_server.terminal_admin.printing import print_object

    request = messages.GetKeyRequest(name=name)
    answer = run_admin(connection, lambda client: client.ask(client.keys.GetKey, request))
    print_object(answer.key, shown_as)


@click.command("create")
@KEY
@describes_key
@SHOWN
@administers
def create_key(name: str, shown_as: str, connection: Connection, **fields: Any) -> None:  # Any: see `given_of`.
    """Create KEY, and show its secret this once. What is left out is as the key has that creates it."""
    from llmgateway.admin.v1 import key_pb2
    from llmgateway.admin.v1 import key_service_pb2 as messages

    from llmgateway_server.terminal_admin.printing import print_secret

    key = key_pb2.Key(**given_of(fields, time.time_ns()))
    request = messages.CreateKeyRequest(key_id=name.partition("/")[2], key=key)
    created = run_admin(connection, lambda client: client.ask(client.keys.CreateKey, request))
    print_secret(created.key, created.secret, shown_as)


@click.command("update")
@KEY
@describes_key
@CLEAR
@ETAG
@SHOWN
@administers
def update_key(
    name: str, clear: Sequence[str], etag: str, shown_as: str, connection: Connection, **fields: Any
) -> None:  # Any: see `given_of`.
    """Change what options name of KEY; a list or labels as a whole. It takes effect within a second."""
    from google.protobuf.field_mask_pb2 import FieldMask
    from llmgateway.admin.v1 import key_pb2
    from llmgateway.admin.v1 import key_service_pb2 as messages

    from llmgateway_server.terminal_admin.printing import print_object

    given = given_of(fields, time.time_ns())
    mask = FieldMask(paths=mask_of(given, clear))
    request = messages.UpdateKeyRequest(key=key_pb2.Key(name=name, etag=etag, **given), update_mask=mask)
    answer = run_admin(connection, lambda client: client.ask(client.keys.UpdateKey, request))
    print_object(answer.key, shown_as)


@click.command("revoke")
@KEY
@ETAG
@SHOWN
@administers
def revoke_key(name: str, etag: str, shown_as: str, connection: Connection) -> None:
    """End KEY for good, within a second. It stays to be seen."""
    from llmgateway.admin.v1 import key_service_pb2 as messages

    from llmgateway_server.terminal_admin.printing import print_object

    request = messages.RevokeKeyRequest(name=name, etag=etag)
    answer = run_admin(connection, lambda client: client.ask(client.keys.RevokeKey, request))
    print_object(answer.key, shown_as)


@click.command("rotate")
@KEY
@click.option("--overlap", type=SPAN, help="For how long older secrets still work, such as 1h. Default: not at all.")
@ETAG
@SHOWN
@administers
def rotate_key(name: str, overlap: int | None, etag: str, shown_as: str, connection: Connection) -> None:
    """Give KEY a new secret, and show it this once."""
    from llmgateway.admin.v1 import key_service_pb2 as messages

    from llmgateway_server.terminal_admin.printing import print_secret

    request = messages.RotateKeyRequest(name=name, etag=etag)
    if overlap is not None:
        request.overlap.FromNanoseconds(overlap)
    rotated = run_admin(connection, lambda client: client.ask(client.keys.RotateKey, request))
    print_secret(rotated.key, rotated.secret, shown_as)


@click.command("delete")
@KEY
@ETAG
@administers
def delete_key(name: str, etag: str, connection: Connection) -> None:
    """Delete KEY. Its usage stays, and no other key can have its name."""
    from llmgateway.admin.v1 import key_service_pb2 as messages

    request = messages.DeleteKeyRequest(name=name, etag=etag)
    run_admin(connection, lambda client: client.ask(client.keys.DeleteKey, request))


COMMANDS = (list_keys, get_key, create_key, update_key, revoke_key, rotate_key, delete_key)
