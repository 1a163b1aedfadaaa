"""Who may call what. Pure."""

from __future__ import annotations

from llmgateway_server.call import Principal
from llmgateway_server.patterns import matches


def may_use(principal: Principal, model_id: str) -> bool:
    """Whether a principal may call a model or route by this name: any of its patterns covers it, such as `openai/*`."""
    for pattern in principal.models:  # noqa: SIM110  # a generator costs more than the comparison
        if matches(pattern, model_id):
            return True
    return False
