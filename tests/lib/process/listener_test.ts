import { assertEquals, assertThrows } from "@std/assert";
import { Listener, type ListeningServer } from "../../../lib/process/listener.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

/** A server that ends when the test says so. */
class FakeServer implements ListeningServer {
  readonly #finished = Promise.withResolvers<void>();
  readonly #inFlight = Promise.withResolvers<void>();
  readonly finished = this.#finished.promise;
  isShutDown = false;

  fail(error: unknown): void {
    this.#finished.reject(error);
  }

  /** Its last request has ended. */
  drain(): void {
    this.#inFlight.resolve();
  }

  async shutdown(): Promise<void> {
    this.isShutDown = true;
    await this.#inFlight.promise;
  }
}

function open({ hasRoom = true } = {}) {
  const clock = new ManualClock();
  const state = { hasRoom, refusal: undefined as Error | undefined };
  const servers: FakeServer[] = [];
  const reopened: unknown[] = [];
  let full = 0;
  const ended: unknown[] = [];
  const listener = new Listener({
    serve() {
      if (state.refusal) throw state.refusal;
      const server = new FakeServer();
      servers.push(server);
      return server;
    },
    hasRoom: () => state.hasRoom,
    clock,
    onFull: () => full++,
    onReopen: (why, times) => reopened.push([why, times]),
    onEnd: (error) => ended.push(error),
  });
  /** Those that were not shut down. */
  const listening = () => servers.map(({ isShutDown }) => !isShutDown);
  const timesFull = () => full;
  return { clock, state, servers, reopened, ended, listener, listening, timesFull };
}

const noDescriptors = new Error("Too many open files");

Deno.test("what ends the listener opens it again, with its idle connections closed", async () => {
  const { servers, reopened, listening } = open();
  servers[0]?.fail(noDescriptors);
  await settled();
  assertEquals([listening(), reopened], [[false, true], [[noDescriptors, 1]]]);
  servers[1]?.fail(noDescriptors);
  await settled();
  assertEquals([listening(), reopened.length], [[false, false, true], 2]);
});

Deno.test("few descriptors: idle connections are closed, and none is accepted until descriptors are free", async () => {
  const { clock, state, reopened, listening, timesFull } = open();
  await clock.advance(1_000);
  assertEquals(listening(), [true]);
  state.hasRoom = false;
  await clock.advance(250);
  assertEquals(listening(), [false]);
  await clock.advance(900);
  assertEquals(timesFull(), 0);
  await clock.advance(60_000);
  assertEquals([listening(), reopened, timesFull()], [[false], [], 1]);
  state.hasRoom = true;
  await clock.advance(10);
  assertEquals([listening(), reopened], [[false, true], [["few file descriptors are left", 1]]]);
});

Deno.test("few descriptors that no client takes do not keep it from listening", async () => {
  const { clock, state, servers, listening } = open({ hasRoom: false });
  await clock.advance(1_000);
  assertEquals(listening(), [true], "there never was room");
  state.hasRoom = true;
  await clock.advance(250);
  state.hasRoom = false;
  await clock.advance(250);
  assertEquals(listening(), [false]);
  servers[0]?.drain();
  await clock.advance(10_000);
  assertEquals(listening(), [false, true]);
  state.hasRoom = true;
  await clock.advance(250);
  state.hasRoom = false;
  await clock.advance(250);
  assertEquals(listening(), [false, false]);
});

Deno.test("connections that take all descriptors between two checks are closed at the next one", async () => {
  const { clock, state, servers, reopened, listening } = open();
  state.hasRoom = false;
  await clock.advance(250);
  assertEquals(listening(), [false], "at once after the start");
  state.hasRoom = true;
  await clock.advance(10);
  state.hasRoom = false;
  await clock.advance(250);
  assertEquals(listening(), [false, false], "at once after it was opened again");
  state.hasRoom = true;
  servers[1]?.drain();
  await clock.advance(10);
  assertEquals([listening(), reopened.length], [[false, false, true], 2]);
});

Deno.test("an address that is not free yet is tried again, and given up after 10 s", async () => {
  const { clock, state, servers, reopened, ended } = open();
  state.refusal = new Error("Address already in use");
  servers[0]?.fail(noDescriptors);
  await clock.advance(9_000);
  state.refusal = undefined;
  await clock.advance(10);
  assertEquals([servers.length, reopened.length, ended], [2, 1, []]);

  state.refusal = new Error("Address already in use");
  servers[1]?.fail(noDescriptors);
  await clock.advance(10_000);
  assertEquals([servers.length, ended], [2, [state.refusal]]);
});

Deno.test("a stop waits for the requests of all servers, and none is opened after it", async () => {
  const { clock, state, servers, ended, listener } = open();
  servers[0]?.fail(noDescriptors);
  await settled();
  state.hasRoom = false;
  servers[1]?.fail(noDescriptors);
  await settled();
  let isOver = false;
  const stop = listener.shutdown().then(() => isOver = true);
  state.hasRoom = true;
  servers[0]?.drain();
  await clock.advance(60_000);
  assertEquals([isOver, servers.length], [false, 2]);
  servers[1]?.drain();
  await stop;
  assertEquals([clock.sleeping, ended], [0, []]);
});

Deno.test("a replaced server is shut down once the new one listens, and one that cannot start changes nothing", async () => {
  const { listener, servers, state, reopened, listening } = open();
  state.refusal = new Error("no such certificate");
  assertThrows(() => listener.replace(), Error, "no such certificate");
  assertEquals(listening(), [true]);
  state.refusal = undefined;
  listener.replace();
  await settled();
  assertEquals([listening(), reopened], [[false, true], []]);
  for (const server of servers) server.drain();
  await listener.shutdown();
});
