/** What a client says of an address that is not the gateway's. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo, Server, Socket } from "node:net";
import { createServer } from "node:net";
import { describe, it } from "node:test";

import { Lookout } from "../src/diagnosis.js";
import type { StatusCode } from "../src/errors.js";
import { GatewayError } from "../src/errors.js";
import { FakeGateway } from "./fake_gateway.js";

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

function bare(code: StatusCode = "UNAVAILABLE"): GatewayError {
  return new GatewayError("library's words", { code });
}

async function explained(port: number, isSecure: boolean, error = bare()): Promise<string> {
  const told = await new Lookout({ host: "127.0.0.1", port }, isSecure).explain(error);
  assert.equal(told.code, error.code);
  return told.rawMessage.replaceAll(`127.0.0.1:${String(port)}`, "HERE");
}

const WANTS_TLS = "HERE does not speak gRPC in plain text, so it may want TLS: connect with TLS.";
const HANDSHAKE =
  "The TLS handshake with HERE failed: check that the root certificates sign the server's certificate, that the certificate names 127.0.0.1, and that a client certificate is given if the server asks for one. (library's words)";
const PLAIN = "HERE speaks plain text, not TLS: connect without TLS, or give the port that has it.";

describe("an address", () => {
  const alert = (socket: Socket) => {
    socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 70]));
  };
  const hangUp = (socket: Socket) => {
    socket.destroy();
  };
  const settings = (socket: Socket) => {
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  };
  const babble = (socket: Socket) => {
    socket.end("220 mail.example.org ESMTP");
  };
  const silence = () => undefined;
  for (const [what, behave, plain, secure] of [
    ["sends a TLS alert", alert, WANTS_TLS, HANDSHAKE],
    ["hangs up", hangUp, WANTS_TLS, HANDSHAKE],
    ["speaks HTTP/2", settings, "library's words", PLAIN],
    ["speaks something else", babble, "library's words", "library's words"],
    ["says nothing", silence, "library's words", "library's words"],
  ] as const) {
    it(`that ${what} is told`, async () => {
      const sockets: Socket[] = [];
      const server = createServer((socket) => {
        sockets.push(socket.on("error", silence));
        behave(socket);
      });
      const port = await listening(server);
      assert.equal(await explained(port, false), plain);
      assert.equal(await explained(port, true), secure);
      server.close();
      sockets.forEach((socket) => socket.destroy());
    });
  }

  it("that speaks HTTP/1.1 is told", async () => {
    const server = createHttpServer();
    const port = await listening(server);
    const sentence =
      "HERE speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. Give its gRPC port (50051 unless configured otherwise).";
    assert.equal(await explained(port, false), sentence);
    assert.equal(await explained(port, true), sentence);
    server.close();
  });

  it("where nothing listens is told", async () => {
    const server = createServer();
    const port = await listening(server);
    server.close();
    await once(server, "close");
    assert.equal(
      await explained(port, false, bare("UNKNOWN")),
      "Nothing answers at HERE: start the gateway there (llmgateway serve), or correct the target.",
    );
  });

  it("that is no name is told", async () => {
    const lookout = new Lookout({ host: "nohost.invalid", port: 1 }, false);
    const { rawMessage, kind } = await lookout.explain(bare("INTERNAL"));
    assert.equal(rawMessage, "nohost.invalid is no known host name: correct the target.");
    assert.equal(kind, "UNAVAILABLE");
  });

  it("is looked at once for many errors", async () => {
    let count = 0;
    const server = createServer((socket) => {
      count += 1;
      alert(socket);
    });
    const lookout = new Lookout({ host: "127.0.0.1", port: await listening(server) }, false);
    await Promise.all([lookout.explain(bare()), lookout.explain(bare())]);
    await lookout.explain(bare());
    assert.equal(count, 1);
    server.close();
  });

  it("is not looked at for what a gateway said", async () => {
    await using gateway = await FakeGateway.start(() => undefined);
    const lookout = new Lookout({ host: "127.0.0.1", port: gateway.port }, true);
    for (const error of [
      new GatewayError("m", { code: "UNAVAILABLE", callId: "c" }),
      new GatewayError("m", { code: "UNAVAILABLE", reasonName: "ERROR_REASON_SHUTTING_DOWN" }),
      new GatewayError("m", { code: "UNAVAILABLE", started: true }),
      new GatewayError("m", { code: "NOT_FOUND" }),
    ]) {
      assert.equal(await lookout.explain(error), error);
    }
    assert.equal(
      await new Lookout({ path: "/no" }, true).explain(bare()).then((e) => e.message),
      bare().message,
    );
    assert.equal(gateway.sessions.size, 0);
  });
});
