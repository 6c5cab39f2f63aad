import { createServer } from "node:net";
import { endsInTime, startServer } from "./server.ts";

/** A real HTTP server that a test scripts, on a port of its own. */
export interface TestUpstream extends AsyncDisposable {
  readonly url: string;
  /** The requests that came, in order. */
  readonly requests: Request[];
  /** How many requests are being answered now. */
  readonly active: number;
  /** Resolves when that many requests have come in all. */
  asked(count: number): Promise<void>;
  /** Resolves when the client of the next request to be abandoned has gone. */
  abandoned(): Promise<void>;
}

/** Starts a server that answers with `handler`. */
export function startUpstream(
  handler: (request: Request) => Response | Promise<Response>,
): TestUpstream {
  const requests: Request[] = [];
  const waiting: (() => void)[] = [];
  const expected = new Map<() => void, number>();
  let active = 0;
  const server = startServer(async (request) => {
    requests.push(request);
    active++;
    for (const [resolve, count] of expected) if (requests.length >= count) resolve();
    request.signal.addEventListener("abort", () => waiting.shift()?.(), { once: true });
    try {
      return await handler(request);
    } finally {
      active--;
    }
  });
  return {
    url: server.url,
    requests,
    get active() {
      return active;
    },
    asked: (count) =>
      new Promise((resolve) => {
        if (requests.length >= count) resolve();
        else expected.set(resolve, count);
      }),
    abandoned: () => new Promise((resolve) => waiting.push(resolve)),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** A handler's answer that comes when the client has gone: it hangs for as long as it may. */
export function hang(request: Request): Promise<Response> {
  return new Promise((resolve) => {
    request.signal.addEventListener("abort", () => resolve(new Response()), { once: true });
  });
}

/** One connection to a raw upstream. */
export interface RawConnection {
  /** The head of the request, as it came over the wire. */
  readonly head: string;
  /** Sends bytes as they are. */
  send(text: string | Uint8Array): Promise<void>;
  /** Resolves when the other side has closed. */
  closed(): Promise<void>;
  /** Closes with a reset instead of an end. */
  readonly connection: Deno.TcpConn;
}

/** A TCP server that says what no HTTP server would. */
export interface RawUpstream extends AsyncDisposable {
  readonly url: string;
  /** How many connections it has taken. */
  readonly connections: number;
}

/** Starts a server that hands each connection, its request's head read, to `script`, then closes it. */
export function startRawUpstream(script: (raw: RawConnection) => Promise<void>): RawUpstream {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const open = new Map<Promise<void>, Deno.TcpConn>();
  let connections = 0;

  async function serve(connection: Deno.TcpConn): Promise<void> {
    try {
      const head = await readHead(connection);
      await script({
        head,
        connection,
        send: (text) => writeAll(connection, text),
        closed: () => drain(connection),
      });
    } catch {
      // The gateway closed first; the test sees that on its own side.
    } finally {
      close(connection);
    }
  }

  const accepting = (async () => {
    for await (const connection of listener) {
      connections++;
      const serving = serve(connection).finally(() => open.delete(serving));
      open.set(serving, connection);
    }
  })();

  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting.catch(() => {});
      if (await endsInTime([...open.keys()])) return;
      const { size } = open;
      for (const connection of open.values()) close(connection);
      throw new Error(`an upstream at its end still had ${size} connections open`);
    },
  };
}

async function readHead(connection: Deno.TcpConn): Promise<string> {
  const buffer = new Uint8Array(64 * 1024);
  const decoder = new TextDecoder();
  let head = "";
  while (!head.includes("\r\n\r\n")) {
    const read = await connection.read(buffer);
    if (read === null) break;
    head += decoder.decode(buffer.subarray(0, read), { stream: true });
  }
  return head;
}

async function writeAll(connection: Deno.TcpConn, text: string | Uint8Array): Promise<void> {
  let bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  while (bytes.length > 0) bytes = bytes.subarray(await connection.write(bytes));
}

async function drain(connection: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(1024);
  try {
    while (await connection.read(buffer) !== null);
  } catch {
    // A reset closes it as well as an end does.
  }
}

function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // The script closed it.
  }
}

/** A URL where nobody listens. */
export function refusingUrl(): string {
  using listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  return `http://127.0.0.1:${listener.addr.port}`;
}

/** Starts a server that answers each connection with `text`, then resets it. */
export async function startResettingUpstream(
  text: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write(text, () => socket.resetAndDestroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("it has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
