"""The composition root: configuration → objects → start → drain → stop. The only place that constructs things."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import gc
import logging
import secrets
import signal
import ssl
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from importlib import metadata
from pathlib import Path

from aiohttp import web
from llmgateway.channel import open_channel
from llmgateway.v1 import gateway_pb2_grpc
from llmgateway_http.app import create_app, start_server
from llmgateway_http.settings import ShimSettings

from llmgateway_server.admin.desk import Desk as AdminDesk
from llmgateway_server.admin.keys import KeyService
from llmgateway_server.admin.quotas import QuotaService
from llmgateway_server.admin.services import AdminServices
from llmgateway_server.admin.standings import Standings
from llmgateway_server.admin.teams import TeamService
from llmgateway_server.admin.usage import UsageService
from llmgateway_server.banner import Listening, banner
from llmgateway_server.config.address import Address, parse_address
from llmgateway_server.config.restart import Started
from llmgateway_server.config.settings import Settings, TlsSettings
from llmgateway_server.ledgers import open_store, retain
from llmgateway_server.live import Live
from llmgateway_server.loading import Source, load_again
from llmgateway_server.quota.desk import Clocks as DeskClocks
from llmgateway_server.quota.desk import Desk
from llmgateway_server.reloading import Reloader, reload_when_changed
from llmgateway_server.rpc.admin import ADMIN_SERVICES, admin_handlers
from llmgateway_server.rpc.local import LocalStub
from llmgateway_server.rpc.methods import SERVICE
from llmgateway_server.rpc.remote import asks_for_no_key, is_serving
from llmgateway_server.rpc.rim import Clocks, Rim
from llmgateway_server.rpc.server import Face, GrpcServer
from llmgateway_server.rpc.servicer import service_handler
from llmgateway_server.snapshot import Snapshot, make_shared
from llmgateway_server.store.ledger import StoreAway, StoreRefused
from llmgateway_server.telemetry.logs import LineWriter, start_logging
from llmgateway_server.telemetry.loop_delay import observe_loop_delay
from llmgateway_server.telemetry.metrics import Metrics
from llmgateway_server.telemetry.observer import CallObserver
from llmgateway_server.telemetry.probes import probe_app
from llmgateway_server.tenancy import Tenancy
from llmgateway_server.trouble import TroubleReporter
from llmgateway_server.upstream.http_pool import HttpPool

log = logging.getLogger("llmgateway")

# What the last answers may take to leave, once the calls behind them have ended.
FLUSH_S = 0.5
# How many objects may be made before the young ones are collected.
YOUNG_OBJECTS = 10_000
# Administrators are few.
ADMIN_CALLS = 64


class Gateway:
    """One gateway: everything that a configuration asks for, started and stopped together."""

    def __init__(
        self,
        settings: Settings,
        writer: LineWriter,
        source: Source | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._source = source
        self._metrics = Metrics()
        call_later = asyncio.get_running_loop().call_later
        self._observer = CallObserver(self._metrics, writer, time.time, call_later, log_calls=settings.log.calls)
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened = contextlib.AsyncExitStack()
        self._is_ready = False
        self._reloader: Reloader | None = None
        if source is not None and source.content is not None:
            started = Started.with_settings(settings)
            load = partial(load_again, source, started)
            self._reloader = Reloader(source.name, lambda: load(self._settings), self._adopt, self._metrics)
        self.providers: tuple[str, ...] = ()

    async def start(self) -> None:
        """Bind every address, and serve. Raise `OSError` where one cannot be had; nothing stays open then."""
        async with contextlib.AsyncExitStack() as opened:
            await self._open(opened)
            self._opened = opened.pop_all()
        self._is_ready = True

    async def _open(self, opened: contextlib.AsyncExitStack) -> None:
        settings, clock = self._settings, self._clock
        http = HttpPool(clock)
        opened.push_async_callback(http.close)
        reporter = TroubleReporter(self._metrics)
        clocks = DeskClocks(clock, time.time_ns)
        self._store = await opened.enter_async_context(open_store(settings.store, clocks, reporter))
        patience_s = settings.limits.queue_timeout_s
        desk = Desk(self._store.ledger, self._store.rates, clocks, reporter, patience_s)
        self._tenancy = Tenancy(self._store.objects, desk, settings, time.time_ns)
        reporter.on_overrun = self._tenancy.ban
        await self._tenancy.start()
        opened.push_async_callback(self._tenancy.stop)
        self._own(opened, self._tenancy.run())
        self._own(opened, retain(self._store.ledger, lambda: self._settings.store.retention_s, time.time_ns))
        self._shared = make_shared(settings, http, clock, time.time, reporter, self._observer, desk, self._tenancy.keys)
        snapshot = Snapshot(settings, 1, self._shared)
        self._live = Live(snapshot)
        opened.push_async_callback(self._live.close)
        self.providers = snapshot.providers
        self._rim = Rim(
            self._live,
            self._observer,
            Clocks(clock, time.time_ns),
            CallIds(),
            settings.timeouts.total_s,
            most_calls(settings),
        )
        await self._open_faces(opened)
        self._metrics_address = await self._serve_probes(opened)
        snapshot.start()
        self._metrics.config_started(snapshot.revision)
        self._own(opened, observe_loop_delay(self._metrics.loop_delay.observe))
        if self._source is not None and self._reloader is not None:
            self._own(opened, self._reloader.run())
            self._own(opened, reload_when_changed(self._source, self._reloader))

    async def _open_faces(self, opened: contextlib.AsyncExitStack) -> None:
        """Serve gRPC and REST."""
        settings = self._settings
        handler = service_handler(self._live.methods, self._rim, settings.limits)
        calls = Face("gRPC", (handler,), (SERVICE,), settings.server.grpc_listen, settings.server.grpc_tls)
        self._grpc = GrpcServer(calls, settings.server, settings.limits, self._live)
        opened.push_async_callback(self._grpc.stop, 0)
        await self._grpc.start()
        await self._open_admin(opened)
        stub = LocalStub(self._live.methods, self._rim, self._tasks)
        shim = shim_settings(settings)
        app = create_app(stub, shim, is_ready=self._ready)
        tls = server_tls(settings.server.http_tls)
        self._rest = await start_server(app, settings.server.http_listen, tls, shim)
        opened.push_async_callback(self._rest.close)

    async def _open_admin(self, opened: contextlib.AsyncExitStack) -> None:
        """Serve the admin services, on an address of their own and with room of their own."""
        settings, store, tenancy = self._settings, self._store, self._tenancy
        desk = AdminDesk(tenancy.directory, time.time_ns, lambda: secrets.token_hex(8))
        standings = Standings(store.ledger, store.rates, time.time_ns)
        services = AdminServices(
            KeyService(desk, secrets.token_bytes, self._live.digest_key),
            TeamService(desk),
            QuotaService(desk, standings),
            UsageService(desk, store.ledger, tenancy.charges_of),
        )
        clocks = Clocks(self._clock, time.time_ns)
        self._admin_rim = Rim(self._live, self._observer, clocks, CallIds(), settings.timeouts.total_s, ADMIN_CALLS)
        handlers = admin_handlers(services, self._admin_rim, settings.limits)
        face = Face("admin", handlers, ADMIN_SERVICES, settings.server.admin_listen, settings.server.grpc_tls)
        self._admin = GrpcServer(face, settings.server, settings.limits)
        opened.push_async_callback(self._admin.stop, 0)
        await self._admin.start()

    def _own(self, opened: contextlib.AsyncExitStack, work: Coroutine[None, None, None]) -> None:
        """Do `work` beside everything else, until the gateway closes."""
        opened.push_async_callback(cancel, asyncio.create_task(work))

    async def _serve_probes(self, opened: contextlib.AsyncExitStack) -> Address:
        address = parse_address(self._settings.server.metrics_listen)
        runner = web.AppRunner(probe_app(self._metrics.registry, lambda: self._is_ready), access_log=None)
        await runner.setup()
        opened.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            raise OSError(f"cannot listen on {address} for metrics: {error.strerror}") from error
        return Address(address.host, runner.addresses[0][1])

    @property
    def listening(self) -> Listening:
        """The addresses taken."""
        server = self._settings.server
        return Listening(
            admin=str(Address(parse_address(server.admin_listen).host, self._admin.port)),
            grpc=str(Address(parse_address(server.grpc_listen).host, self._grpc.port)),
            http=str(Address(parse_address(server.http_listen).host, self._rest.port)),
            metrics=str(self._metrics_address),
            grpc_tls=server.grpc_tls is not None,
            http_tls=server.http_tls is not None,
        )

    @property
    def settings(self) -> Settings:
        """The settings in use."""
        return self._settings

    def reload(self) -> None:
        """Have the configuration read again soon, if there is a file to read."""
        if self._reloader is None:
            log.warning("there is nothing to reload: no configuration file was named that can be read again")
        else:
            self._reloader.ask()

    def _adopt(self, settings: Settings) -> int:
        """Serve the calls to come by other settings; return their revision."""
        snapshot = Snapshot(settings, self._live.revision + 1, self._shared)
        snapshot.start()
        self._live.swap(snapshot)
        self._rim.follow(settings.timeouts.total_s, most_calls(settings))
        self._rest.follow(most_calls(settings))
        logging.getLogger().setLevel(settings.log.level.upper())
        self._tenancy.configure(settings)
        self._settings = settings
        return snapshot.revision

    async def announce_stop(self) -> None:
        """Turn health and readiness off, and serve on: load balancers look away before anything closes."""
        self._is_ready = False
        if self._reloader is not None:
            self._reloader.stop()
        await self._grpc.set_serving(False)
        await self._admin.set_serving(False)

    async def drain(self, drain_s: float) -> None:
        """Take no new calls, let running ones finish within `drain_s`, and cancel what is left."""
        await self.announce_stop()
        self._rim.close()
        self._admin_rim.close()
        await asyncio.gather(
            drain_server(self._grpc, self._rim, drain_s),
            drain_server(self._admin, self._admin_rim, drain_s),
            self._rest.drain(drain_s),
        )
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def close(self) -> None:
        """Close everything at once. Safe after `drain`, and instead of it."""
        self._is_ready = False
        await self._opened.aclose()
        self._observer.flush()

    async def _ready(self) -> bool:
        return self._is_ready


async def drain_server(server: GrpcServer, rim: Rim, drain_s: float) -> None:
    """Stop a gRPC server once no call of ours runs: a client that watches health or reflects holds nothing up."""
    stopping = asyncio.create_task(server.stop(drain_s))
    idle = asyncio.create_task(rim.wait_idle())
    await asyncio.wait({stopping, idle}, return_when=asyncio.FIRST_COMPLETED)
    idle.cancel()
    await server.stop(FLUSH_S)
    await stopping


def most_calls(settings: Settings) -> int:
    """Return how many calls may be in the house at once: those that run, and twice those that wait for room.

    Who waits depends on whose key has had the least, and the doors know no keys. Were there no room beyond those that
    wait, a key that asks all the time would fill the house, and a quiet one be refused before its turn is thought of.
    """
    return settings.limits.concurrent_calls + 2 * settings.limits.queued_calls


def shim_settings(settings: Settings) -> ShimSettings:
    """Return what the REST shim must know of the configuration."""
    limits = settings.limits
    return ShimSettings(
        concurrent_calls=most_calls(settings),
        request_bytes=limits.request_bytes,
        json_depth=limits.json_depth,
        header_bytes=limits.metadata_bytes,
        body_bytes_in_flight=limits.body_bytes_in_flight,
        header_timeout_s=limits.header_timeout_s,
        body_timeout_s=limits.body_timeout_s,
        header_hold_s=limits.header_hold_s,
        keep_alive_s=limits.keep_alive_s,
        reader_stall_s=limits.reader_stall_s,
        loopback_only=not settings.auth.keys,
    )


def server_tls(tls: TlsSettings | None) -> ssl.SSLContext | None:
    """Read the certificates for REST. With a client CA, callers must show a certificate that it signed."""
    if tls is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=tls.client_ca)
    context.load_cert_chain(tls.certificate, tls.key)
    if tls.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


class CallIds:
    """Makes ids of 96 random bits, many at a time: the system's call for randomness costs more than an id."""

    COUNT = 256

    def __init__(self) -> None:
        self._made: list[str] = []

    def __call__(self) -> str:
        if not self._made:
            drawn = secrets.token_bytes(12 * self.COUNT)
            self._made = [f"call_{drawn[at : at + 12].hex()}" for at in range(0, len(drawn), 12)]
        return self._made.pop()


async def cancel(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it is gone."""
    task.cancel()
    await asyncio.wait({task})


class StopSignals:
    """SIGTERM and SIGINT as events: the first asks for a drain, the second for an end at once."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self.skips_lame_duck = False

    def listen(self) -> None:
        """Take both signals from now on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._take, number)

    def _take(self, number: signal.Signals) -> None:
        if self.first.is_set():
            self.second.set()
        # Whoever presses Ctrl-C has no load balancer that must look away first.
        self.skips_lame_duck = number == signal.SIGINT
        self.first.set()


def on_hangup(work: Callable[[], None]) -> None:
    """Do `work` whenever SIGHUP comes, which ends the process no more."""
    if hasattr(signal, "SIGHUP"):  # Windows has none
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, work)


def settle_memory() -> None:
    """Leave what was made at the start out of every later collection, and collect young objects less often.

    Calls make little garbage in cycles; the collector would walk the modules' objects again and again for it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)


async def finish_unless(stop: asyncio.Event, work: Coroutine[None, None, None]) -> bool:
    """Run `work`, unless `stop` is set first; return whether it was done."""
    task = asyncio.create_task(work)
    stopped = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        return task.done()
    finally:
        for pending in (task, stopped):
            pending.cancel()
        await asyncio.wait({task, stopped})


async def serve(settings: Settings, source: Source | None) -> int:
    """Serve until a signal asks for a stop; return the exit code: 0 after a drain, 1 otherwise."""
    writer, stop_logging = start_logging(settings.log.level)
    gateway = Gateway(settings, writer, source)
    try:
        signals = StopSignals()
        signals.listen()
        on_hangup(gateway.reload)
        await gateway.start()
        settle_memory()
        listening = gateway.listening
        text = banner(
            metadata.version("llmgateway-grpc"), listening, gateway.providers, has_keys=bool(settings.auth.keys)
        )
        print(text, flush=True)  # noqa: T201  # it is what the command prints
        await signals.first.wait()
        await gateway.announce_stop()
        if not signals.skips_lame_duck:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(signals.second.wait(), gateway.settings.server.lame_duck_s)
        return 0 if await finish_unless(signals.second, gateway.drain(gateway.settings.server.drain_s)) else 1
    except (OSError, StoreRefused, StoreAway) as error:
        print(f"llmgateway: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        await gateway.close()
        stop_logging()


def run(settings: Settings, source: Source | None = None) -> int:
    """Serve in an event loop of its own; return the exit code. What `source` holds may change meanwhile."""
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        return runner.run(serve(settings, source))


async def serve_shim(target: str, settings: Settings, *, tls: bool, ca: bytes | None) -> int:
    """Serve REST alone, over a channel to the gateway at `target`, until a signal asks for a stop."""
    _, stop_logging = start_logging(settings.log.level)
    signals = StopSignals()
    signals.listen()
    on_hangup(lambda: log.warning("there is nothing to reload: REST alone is started anew instead"))
    # Whether to try again is the REST client's to decide, as it is in process.
    channel = open_channel(target, tls=tls, root_certificates=ca, options=[("grpc.enable_retries", 0)])
    try:
        is_open = await asks_for_no_key(channel)
        listen = settings.server.http_listen
        if is_open and not parse_address(listen).is_loopback:
            raise OSError(f"the gateway at {target} has no keys: serve it on a loopback address, not {listen}")
        shim = dataclasses.replace(shim_settings(settings), loopback_only=is_open)

        async def is_ready() -> bool:
            return not signals.first.is_set() and await is_serving(channel)

        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        app = create_app(stub, shim, is_ready=is_ready)
        rest = await start_server(app, listen, server_tls(settings.server.http_tls), shim)
        settle_memory()
        try:
            scheme = "https" if settings.server.http_tls is not None else "http"
            address = Address(parse_address(listen).host, rest.port)
            print(f"llmgateway serves REST for {target}\n  REST     {scheme}://{address}", flush=True)  # noqa: T201
            await signals.first.wait()
            return 0 if await finish_unless(signals.second, rest.drain(settings.server.drain_s)) else 1
        finally:
            await rest.close()
    except OSError as error:
        print(f"llmgateway: {error}", file=sys.stderr)  # noqa: T201
        return 1
    finally:
        await channel.close(None)
        stop_logging()


def run_shim(target: str, settings: Settings, *, tls: bool, ca: Path | None) -> int:
    """Serve REST alone in an event loop of its own; return the exit code."""
    roots = ca.read_bytes() if ca is not None else None
    with asyncio.Runner(loop_factory=event_loop_factory()) as runner:
        return runner.run(serve_shim(target, settings, tls=tls, ca=roots))


def event_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return uvloop's where it is installed (it is not made for Windows), else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
