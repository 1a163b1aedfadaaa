"""How a call ends, for its caller and for those who watch: what an exception means, and what a failure tells.

What is told of a failure rides in metadata, or in a message among others: it has a size of its own.
"""

from __future__ import annotations

import logging
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp
from llmgateway.v1 import call_pb2

from llmgateway_server import errors
from llmgateway_server.call import NANOS_PER_S, Call

log = logging.getLogger("llmgateway.calls")

# A status above 8 KiB of metadata turns into RESOURCE_EXHAUSTED on its way.
MAX_STATUS_BYTES = 4 * 1024
MAX_MESSAGE_BYTES = 1024
MAX_PROVIDER_MESSAGE_BYTES = 512
MAX_QUOTA_VIOLATIONS = 8
MAX_SCOPE_BYTES = 256


class Observer(Protocol):
    """Is told of every call: for its log line and its metrics. `error` is None for one that succeeded."""

    def begin(self, method: str) -> None: ...

    def end(
        self, method: str, call_id: str, call: Call | None, elapsed_s: float, error: errors.CallError | None
    ) -> None: ...


def meaning_of(raised: BaseException, call_id: str, *, is_late: bool) -> errors.CallError:
    """Return what an exception that ended a call means to its caller; log one that is a fault of the gateway.

    `is_late` says that the call's deadline has passed.
    """
    if isinstance(raised, errors.CallError):
        return raised
    if isinstance(raised, Exception):
        log.error("call %s failed by a fault of the gateway", call_id, exc_info=raised)
        message = f"The gateway failed. Report the call id {call_id} to whoever runs it."
        return errors.InternalError(message, metadata={"callId": call_id})
    if is_late:
        return errors.TotalTimeout("The call was not done before its deadline.")
    return errors.CallerLeft("The caller left.")


def failure_of(error: errors.CallError, call_id: str) -> call_pb2.CallFailure:
    """Return what the gateway knows of the failed call."""
    failure = call_pb2.CallFailure(
        call_id=call_id,
        started=error.started,
        attempts=error.attempts,
        provider_message=cut(error.provider_message, MAX_PROVIDER_MESSAGE_BYTES),
    )
    for broken in error.quota_violations[:MAX_QUOTA_VIOLATIONS]:
        violation = failure.quota_violations.add(
            scope=cut(broken.scope, MAX_SCOPE_BYTES),
            metric=broken.metric,
            window=broken.window,
            limit=broken.limit,
            used=broken.used,
            held=broken.held,
        )
        if broken.reset_s is not None:
            set_time(violation.reset_time, broken.reset_s)
    if error.usage is not None:
        failure.usage.CopyFrom(error.usage)
        failure.usage.ClearField("provider_json")
    return failure


def set_time(time: Timestamp, seconds: float) -> None:
    """Set a time from seconds since the epoch."""
    time.seconds, time.nanos = divmod(round(seconds * NANOS_PER_S), NANOS_PER_S)


def fit(failure: call_pb2.CallFailure, room_bytes: int) -> bool:
    """Leave out the oldest attempts until a failure takes no more than its room; return whether it does."""
    while failure.ByteSize() > room_bytes and failure.attempts:
        del failure.attempts[0]
    return failure.ByteSize() <= room_bytes


def cut(text: str, limit_bytes: int) -> str:
    """Return at most `limit_bytes` of UTF-8, without halves of characters."""
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= limit_bytes else encoded[:limit_bytes].decode("utf-8", "ignore")
