import { assertEquals, assertLess, assertStringIncludes } from "@std/assert";
import { gzipSync } from "node:zlib";
import { ask, readProblem } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { within } from "../support/program.ts";
import { type RawUpstream, startRawUpstream } from "../support/upstream.ts";

/** Far above what the sockets between two processes hold, far below what "endless" comes to. */
const HELD_ON_THE_WAY = 32 * 1024 * 1024;
/** Enough to be seen as endless, should nobody stop it. */
const ENDLESS = 512 * 1024 * 1024;

const CHUNK = " ".repeat(64 * 1024);
/** What 64 MiB of spaces come to. */
const BOMB = gzipSync(new Uint8Array(64 * 1024 * 1024).fill(0x20));

interface Flood {
  readonly name: string;
  readonly head: string;
  readonly chunk: string | Uint8Array;
}

const TOO_LARGE = "larger than 1024 bytes";

const FLOODS: readonly Flood[] = [
  {
    name: "a body without a length",
    head: "HTTP/1.1 200 OK\r\n\r\n",
    chunk: CHUNK,
  },
  {
    name: "a chunked body",
    head: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    chunk: `${CHUNK.length.toString(16)}\r\n${CHUNK}\r\n`,
  },
  {
    name: "a body that says how large it is",
    head: `HTTP/1.1 200 OK\r\nContent-Length: ${ENDLESS}\r\n\r\n`,
    chunk: CHUNK,
  },
  {
    name: "a gzip bomb",
    head: "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
    chunk: BOMB,
  },
  {
    name: "an error's body",
    head: "HTTP/1.1 500 Oops\r\n\r\n",
    chunk: CHUNK,
  },
];

for (const { name, head, chunk } of FLOODS) {
  Deno.test(`${name} without end is cut off at maxBody`, async () => {
    await using upstream = startFlood(head, chunk);
    await using gateway = floodedBy(upstream);
    const before = Deno.memoryUsage().external;
    const response = await ask(`${gateway.url}/flood`);
    assertLess(Deno.memoryUsage().external - before, HELD_ON_THE_WAY);

    const document = await readProblem(response, { status: 502, kind: "upstream-invalid" });
    assertStringIncludes(document.detail, TOO_LARGE);
    assertLess(await within(upstream.sent, "the upstream is cut off"), HELD_ON_THE_WAY);
  });
}

Deno.test("a gzip bomb is cut off before its end, however small it says it is", async () => {
  const bomb = gzipSync(new Uint8Array(512 * 1024));
  assertLess(bomb.length, 1024);
  const cutOff = Promise.withResolvers<void>();
  await using upstream = startRawUpstream(async (raw) => {
    await raw.send(
      `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`,
    );
    // Half of it is more than the part takes: the gateway must not wait for the other half.
    await raw.send(bomb.subarray(0, bomb.length / 2));
    await raw.closed();
    cutOff.resolve();
  });
  await using gateway = floodedBy(upstream);
  const response = await ask(`${gateway.url}/flood`);
  const document = await readProblem(response, { status: 502, kind: "upstream-invalid" });
  assertStringIncludes(document.detail, TOO_LARGE);
  await within(cutOff.promise, "the upstream is cut off");
});

Deno.test("a head without end is cut off", async () => {
  await using upstream = startFlood("HTTP/1.1 200 OK\r\n", `X-Filler: ${CHUNK}\r\n`);
  await using gateway = floodedBy(upstream);
  const response = await ask(`${gateway.url}/flood`);
  await readProblem(response, { status: 502, kind: "upstream-invalid" });
  assertLess(await within(upstream.sent, "the upstream is cut off"), HELD_ON_THE_WAY);
});

Deno.test("a part's response above 64 KiB arrives whole", async () => {
  const text = "é€😀".repeat(100_000);
  await using upstream = startRawUpstream(async (raw) => {
    await raw.send("HTTP/1.1 200 OK\r\n\r\n");
    await raw.send(JSON.stringify(text));
  });
  await using gateway = startGateway({
    upstreams: { large: { url: upstream.url } },
    routes: { "GET /large": { gather: { large: { from: "large" } } } },
  });
  const response = await ask(`${gateway.url}/large`);
  assertEquals(await response.json(), { data: { large: text }, complete: true });
});

interface Flooding extends RawUpstream {
  /** Resolves to the bytes that it could send before it was cut off. */
  readonly sent: Promise<number>;
}

/** Starts an upstream that sends `head`, then `chunk` again and again. */
function startFlood(head: string, chunk: string | Uint8Array): Flooding {
  const { promise: sent, resolve } = Promise.withResolvers<number>();
  const upstream = startRawUpstream(async (raw) => {
    let bytes = 0;
    try {
      await raw.send(head);
      for (; bytes < ENDLESS; bytes += chunk.length) await raw.send(chunk);
    } finally {
      resolve(bytes);
    }
  });
  return Object.assign(upstream, { sent });
}

function floodedBy({ url }: RawUpstream): TestGateway {
  return startGateway({
    upstreams: { flood: { url, maxBody: "1KiB" } },
    routes: { "GET /flood": { gather: { flood: { from: "flood" } } } },
  });
}
