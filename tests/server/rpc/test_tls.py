"""TLS for both faces, mTLS for gRPC, with certificates of an authority made for the test."""

from __future__ import annotations

import io
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import trustme
from llmgateway import Client, UnavailableError
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings, TlsSettings
from llmgateway_server.telemetry.logs import LineWriter


@dataclass(frozen=True, slots=True)
class Secured:
    gateway: Gateway
    roots: bytes
    client_key: bytes
    client_certificate: bytes


@pytest.fixture
async def secured(tmp_path: Path) -> AsyncIterator[Secured]:
    authority = trustme.CA()
    own, caller = authority.issue_cert("127.0.0.1"), authority.issue_cert("caller.example")
    paths = {name: tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem")}
    own.cert_chain_pems[0].write_to_path(paths["cert.pem"])
    own.private_key_pem.write_to_path(paths["key.pem"])
    authority.cert_pem.write_to_path(paths["ca.pem"])
    pair = {"certificate": str(paths["cert.pem"]), "key": str(paths["key.pem"])}
    listen = "127.0.0.1:0"
    server = ServerSettings(
        grpc_listen=listen,
        http_listen=listen,
        metrics_listen=listen,
        admin_listen=listen,
        grpc_tls=TlsSettings(**pair, client_ca=str(paths["ca.pem"])),
        http_tls=TlsSettings(**pair),
    )
    writer = LineWriter(io.BytesIO())
    gateway = Gateway(Settings(server=server, providers={"mock": ProviderSettings()}), writer)
    await gateway.start()
    try:
        yield Secured(
            gateway, authority.cert_pem.bytes(), caller.private_key_pem.bytes(), caller.cert_chain_pems[0].bytes()
        )
    finally:
        await gateway.close()
        writer.close()


async def test_a_caller_with_a_certificate_of_the_authority_is_served(secured: Secured) -> None:
    async with Client(
        secured.gateway.listening.grpc,
        root_certificates=secured.roots,
        client_key=secured.client_key,
        client_certificate=secured.client_certificate,
    ) as client:
        answer = await client.generate("Hello", model="mock/echo")
    assert answer.candidates[0].message.parts[0].text == "Hello"


async def test_a_caller_without_one_is_not(secured: Secured) -> None:
    async with Client(secured.gateway.listening.grpc, root_certificates=secured.roots, timeout_s=5) as client:
        with pytest.raises(UnavailableError):
            await client.generate("Hello", model="mock/echo")


async def test_rest_speaks_tls(secured: Secured) -> None:
    context = ssl.create_default_context(cadata=secured.roots.decode())
    async with aiohttp.ClientSession() as session:
        url = f"https://{secured.gateway.listening.http}/v1/models/mock/echo"
        async with session.get(url, ssl=context) as answer:
            assert (answer.status, (await answer.json())["id"]) == (200, "mock/echo")
