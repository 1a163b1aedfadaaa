/** Which address a call goes to. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, it } from "node:test";

import type { LookUp } from "../src/addresses.js";
import { Addresses } from "../src/addresses.js";
import { Attempt } from "../src/attempt.js";
import { Calls } from "../src/calls.js";
import { Connections } from "../src/connections.js";
import { Deadline } from "../src/deadline.js";
import { GetModelResponseSchema, LLMGateway } from "../src/v1.js";
import { FakeGateway } from "./fake_gateway.js";

/** Starts gateways at 127.0.0.1, 127.0.0.2, … with one port; each answers with its address. */
async function replicas(...hosts: readonly string[]): Promise<FakeGateway[]> {
  return replicasAt(0, ...hosts);
}

async function replicasAt(port: number, ...hosts: readonly string[]): Promise<FakeGateway[]> {
  const started: FakeGateway[] = [];
  for (const host of hosts) {
    const script = (exchange: FakeGateway["exchanges"][number]): void => {
      exchange.send(GetModelResponseSchema, { model: { id: host } }).finish();
    };
    started.push(await FakeGateway.start(script, started[0]?.port ?? port, host));
  }
  return started;
}

function opened(port: number, look: LookUp): [Connections, () => Promise<string | undefined>] {
  const connections = new Connections({ host: "gateway.test", port }, undefined, 1, look);
  const calls = new Calls(connections, {});
  const ask = async (): Promise<string | undefined> => {
    const deadline = new Deadline(Infinity, []);
    return (await calls.unary(LLMGateway.method.getModel, {}, deadline)).model?.id;
  };
  return [connections, ask];
}

async function dispose(gateways: readonly FakeGateway[]): Promise<void> {
  await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
}

// Elsewhere 127.0.0.2 is no address of this machine's own.
const skip = process.platform === "linux" ? false : "needs several loopback addresses";

describe("the addresses of a name", { skip }, () => {
  it("are used in turn once they are connected, under the name", async () => {
    const hosts = ["127.0.0.1", "127.0.0.2", "127.0.0.3"];
    const gateways = await replicas(...hosts);
    const port = gateways[0]?.port ?? 0;
    const [connections, ask] = opened(port, () => Promise.resolve(hosts));
    const seen = new Set<string | undefined>();
    while (seen.size < hosts.length) {
      seen.add(await ask());
    }
    const round = [await ask(), await ask(), await ask()];
    assert.deepEqual(round.toSorted(), hosts);
    for (const { exchanges } of gateways) {
      assert.equal(exchanges[0]?.headers[":authority"], `gateway.test:${String(port)}`);
    }
    connections.close();
    await dispose(gateways);
  });

  it("may hold one where nothing listens", async () => {
    const gateways = await replicas("127.0.0.2");
    const look = () => Promise.resolve(["127.0.0.1", "127.0.0.2"]);
    const [connections, ask] = opened(gateways[0]?.port ?? 0, look);
    for (let count = 0; count < 5; count += 1) {
      assert.equal(await ask(), "127.0.0.2");
    }
    connections.close();
    await dispose(gateways);
  });

  it("that serve no more are left alone for a while, and then used again", async (context) => {
    let nowMs = 0;
    context.mock.method(performance, "now", () => nowMs);
    const hosts = ["127.0.0.1", "127.0.0.2"];
    const [first = assert.fail(), second = assert.fail()] = await replicas(...hosts);
    const { port } = first;
    const look = context.mock.fn<LookUp>(() => Promise.resolve(hosts));
    const [connections, ask] = opened(port, look);
    const seen = new Set<string | undefined>();
    while (seen.size < hosts.length) {
      seen.add(await ask());
    }
    await second[Symbol.asyncDispose]();
    let connectedCount = 0;
    const count = (): void => {
      connectedCount += 1;
    };
    subscribe("net.client.socket", count);
    for (let round = 0; round < 10; round += 1) {
      assert.equal(await ask(), "127.0.0.1");
    }
    assert.equal(connectedCount, 1);
    assert.equal(look.mock.callCount(), 1);
    unsubscribe("net.client.socket", count);
    const [back = assert.fail()] = await replicasAt(port, "127.0.0.2");
    nowMs += 5_000;
    for (let round = 0; round < 1_000 && back.exchanges.length === 0; round += 1) {
      await ask();
    }
    assert.notEqual(back.exchanges.length, 0);
    connections.close();
    await dispose([first, back]);
  });

  it("are asked for anew when one is lost", async (context) => {
    let nowMs = 0;
    context.mock.method(performance, "now", () => nowMs);
    const [first = assert.fail(), ...rest] = await replicas("127.0.0.1", "127.0.0.2");
    let known = ["127.0.0.1"];
    const look = context.mock.fn<LookUp>(() => Promise.resolve(known));
    const [connections, ask] = opened(first.port, look);
    assert.equal(await ask(), "127.0.0.1");
    assert.equal(await ask(), "127.0.0.1");
    assert.equal(look.mock.callCount(), 1);
    known = ["127.0.0.2"];
    nowMs += 1_000;
    await first[Symbol.asyncDispose]();
    assert.equal(await ask(), "127.0.0.2");
    assert.equal(look.mock.callCount(), 2);
    connections.close();
    await dispose(rest);
  });

  it("stay known where asking fails", async (context) => {
    let nowMs = 0;
    context.mock.method(performance, "now", () => nowMs);
    let fails = false;
    const addresses = new Addresses({ host: "gateway.test", port: 1 }, () =>
      fails ? Promise.reject(new Error("no resolver")) : Promise.resolve(["127.0.0.1"]),
    );
    const known = await addresses.list(true);
    assert.deepEqual(known, [{ host: "127.0.0.1", port: 1 }]);
    fails = true;
    nowMs += 1_000;
    assert.equal(await addresses.list(true), known);
  });

  it("that nobody knows fail the call as unavailable", async () => {
    const look = () => Promise.reject(new Error("getaddrinfo ENOTFOUND gateway.test"));
    const connections = new Connections({ host: "gateway.test", port: 1 }, undefined, 1, look);
    const attempt = new Attempt(connections);
    await assert.rejects(attempt.request("POST", "/", {}, {}), { code: 14 });
    assert.equal(connections.pick().running, 0);
  });
});
