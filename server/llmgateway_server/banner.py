"""What the gateway prints when it is ready: where it listens, and commands to paste."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Listening:
    """The addresses in use, as `host:port`, and whether TLS guards them."""

    admin: str
    grpc: str
    http: str
    metrics: str
    grpc_tls: bool
    http_tls: bool


def banner(version: str, listening: Listening, providers: Sequence[str], *, has_keys: bool) -> str:
    """Return the text for standard output."""
    scheme = "https" if listening.http_tls else "http"
    lines = [
        f"llmgateway {version} is ready",
        f"  gRPC     {listening.grpc}{' (TLS)' if listening.grpc_tls else ''}",
        f"  REST     {scheme}://{listening.http}",
        f"  metrics  http://{listening.metrics}/metrics",
        f"  admin    {listening.admin} (gRPC{' over TLS' if listening.grpc_tls else ''})",
        f"  serves   {', '.join(providers)}",
    ]
    if not has_keys:
        lines.append("  no keys are configured: it serves this machine only, and asks nobody for one")
    return "\n".join([*lines, "", *examples(listening, scheme, has_keys=has_keys)])


def examples(listening: Listening, scheme: str, *, has_keys: bool) -> list[str]:
    """Return commands that work as they stand, once `LLMGATEWAY_KEY` is set where keys are asked for."""
    bearer = ' -H "Authorization: Bearer $LLMGATEWAY_KEY"' if has_keys else ""
    grpc_bearer = ' -H "authorization: Bearer $LLMGATEWAY_KEY"' if has_keys else ""
    plaintext = "" if listening.grpc_tls else " -plaintext"
    base = f"{scheme}://{listening.http}/v1"
    api_key = 'os.environ["LLMGATEWAY_KEY"]' if has_keys else '"none"'
    os_import = "import os; " if has_keys else ""
    body = '{"model": "mock/echo", "messages": [{"role": "user", "content": "Hello"}]}'
    stream_body = '{"model": "mock/lorem", "stream": true, "messages": [{"role": "user", "content": "Hello"}]}'
    message = '{"model": "mock/echo", "messages": [{"role": "ROLE_USER", "parts": [{"text": "Hello"}]}]}'
    return [
        "Try it:",
        f"  curl {base}/chat/completions{bearer} -H 'content-type: application/json' -d '{body}'",
        f"  curl -N {base}/chat/completions{bearer} -H 'content-type: application/json' -d '{stream_body}'",
        f"  grpcurl{plaintext}{grpc_bearer} -d '{message}' {listening.grpc} llmgateway.v1.LLMGateway/Generate",
        f'  python -c \'{os_import}from openai import OpenAI; c = OpenAI(base_url="{base}", api_key={api_key}); '
        'print(c.chat.completions.create(model="mock/echo", messages=[{"role": "user", "content": "Hello"}])'
        ".choices[0].message.content)'",
        f'  llmgateway call --target {listening.grpc} --model mock/lorem "Hello"',
        "",
    ]
