import { assertEquals, assertFalse, assertInstanceOf } from "@std/assert";
import { GatewayError } from "../../lib/core/errors.ts";
import { Scope } from "../../lib/core/scope.ts";
import { ClientScope } from "../../middleware/client_scope.ts";
import { countListeners } from "../support/count_listeners.ts";

/** A request that counts how often its signal is read. */
class WatchedRequest {
  reads = 0;
  readonly client = new AbortController();

  get signal(): AbortSignal {
    this.reads++;
    return this.client.signal;
  }
}

function kindOf(reason: unknown): string {
  assertInstanceOf(reason, GatewayError);
  return reason.kind;
}

Deno.test("a request's signal is read once, when something first depends on the scope", () => {
  const request = new WatchedRequest();
  using scope = new ClientScope(request);
  assertFalse(scope.aborted);
  assertEquals(request.reads, 0);
  using one = new Scope(scope);
  using other = new Scope(scope);
  assertEquals(request.reads, 1);
  request.client.abort();
  assertEquals([one, other, scope].map(({ reason }) => kindOf(reason)), [
    "cancelled",
    "cancelled",
    "cancelled",
  ]);
});

Deno.test("a watched scope ends with its client, although nothing depends on it", () => {
  const request = new WatchedRequest();
  using scope = new ClientScope(request);
  scope.watch();
  request.client.abort();
  assertEquals(kindOf(scope.reason), "cancelled");
});

Deno.test("what depends on the scope of a client that has left ends in the same turn, once it has begun", async () => {
  const request = new WatchedRequest();
  request.client.abort();
  using scope = new ClientScope(request);
  using dependent = new Scope(scope);
  assertFalse(dependent.aborted);
  await Promise.resolve();
  assertEquals(kindOf(dependent.reason), "cancelled");
});

Deno.test("a scope that was left neither reads nor follows the request's signal", () => {
  const unread = new WatchedRequest();
  const early = new ClientScope(unread);
  early[Symbol.dispose]();
  using late = new Scope(early);
  assertEquals(unread.reads, 0);
  assertFalse(late.aborted);

  const request = new WatchedRequest();
  const listeners = countListeners(request.client.signal);
  const scope = new ClientScope(request);
  scope.watch();
  assertEquals(listeners.count, 1);
  scope[Symbol.dispose]();
  assertEquals(listeners.count, 0);
});
