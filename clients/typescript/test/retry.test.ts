import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { Code, ConnectError } from "@connectrpc/connect";

import { Retries, Throttle } from "../src/retry.js";

function failure(code: Code = Code.Unavailable, pushback?: string): ConnectError {
  const metadata = pushback === undefined ? {} : { "grpc-retry-pushback-ms": pushback };
  return new ConnectError("", code, metadata);
}

describe("the wait before the next try", () => {
  for (const [random, waits] of [
    [0, [80, 160, 320]],
    [0.5, [100, 200, 400]],
    [1, [120, 240, 480]],
  ] as const) {
    it(`doubles, with a jitter of a fifth, drawn ${String(random)}`, () => {
      const retries = new Retries(new Throttle(), () => random);
      const given = [1, 2, 3].map(() => retries.waitMs(failure(), false));
      assert.deepEqual(
        given.map((ms) => ms && Math.round(ms)),
        waits,
      );
      assert.equal(retries.waitMs(failure(), false), undefined);
    });
  }

  it("is the server's own, and begins anew behind it", () => {
    const retries = new Retries(new Throttle(), () => 0.5);
    assert.equal(retries.waitMs(failure(), false), 100);
    assert.equal(retries.waitMs(failure(Code.Unavailable, "7"), false), 7);
    assert.equal(retries.waitMs(failure(), false), 100);
    assert.equal(retries.waitMs(failure(Code.Unavailable, "7"), false), undefined);
  });

  it("is none where nothing may be tried again", () => {
    const throttle = new Throttle();
    assert.equal(new Retries(throttle).waitMs(failure(), true), undefined);
    assert.equal(new Retries(throttle).waitMs(failure(Code.ResourceExhausted), false), undefined);
    assert.equal(new Retries(throttle).waitMs(failure(Code.Unavailable, "-1"), false), undefined);
  });
});

describe("the throttle", () => {
  it("closes at half its tokens, and opens with two successes", () => {
    const throttle = new Throttle();
    for (let count = 0; count < 49; count += 1) {
      assert.notEqual(new Retries(throttle).waitMs(failure(), false), undefined);
    }
    assert.equal(new Retries(throttle).waitMs(failure(), false), undefined);
    throttle.succeed();
    throttle.succeed();
    assert.ok(throttle.isOpen);
    assert.equal(new Retries(throttle).waitMs(failure(), false), undefined);
  });

  it("is full at first, and never more", () => {
    const throttle = new Throttle();
    throttle.succeed();
    for (let count = 0; count < 50; count += 1) {
      throttle.fail();
    }
    assert.equal(throttle.isOpen, false);
  });
});
