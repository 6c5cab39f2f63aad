import { endsInTime } from "./server.ts";
import { Wire } from "./wire.ts";

/** A request that a scripted upstream has read, its body too. */
export interface AskedRequest {
  readonly method: string;
  readonly path: string;
  readonly head: string;
  readonly body: string;
}

/** An upstream that sends what a test scripts, and leaves its connections open. */
export interface ScriptedUpstream extends AsyncDisposable {
  readonly url: string;
  /** How many connections it has taken. */
  readonly connections: number;
  /** How many of them are open. */
  readonly open: number;
  readonly asked: readonly AskedRequest[];
}

/**
 * Starts an upstream that calls `script` for each request it has read.
 * @param script is told how many requests have come, this one included; `close` ends the connection
 */
export function startScripted(
  script: (wire: Wire, count: number, asked: AskedRequest) => Promise<"close" | void>,
): ScriptedUpstream {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const asked: AskedRequest[] = [];
  const open = new Map<Wire, Promise<void>>();
  let connections = 0;

  async function serve(wire: Wire): Promise<void> {
    try {
      while (true) {
        const request = await readRequest(wire);
        asked.push(request);
        if (await script(wire, asked.length, request) === "close") return;
      }
    } catch {
      // The gateway let go of the connection.
    } finally {
      wire[Symbol.dispose]();
      open.delete(wire);
    }
  }

  const accepting = (async () => {
    for await (const connection of listener) {
      connections++;
      const wire = new Wire(connection);
      open.set(wire, serve(wire));
    }
  })().catch(() => {});

  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    get connections() {
      return connections;
    },
    get open() {
      return open.size;
    },
    asked,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      if (await endsInTime([...open.values()])) return;
      for (const wire of open.keys()) wire[Symbol.dispose]();
      throw new Error("a connection stayed open");
    },
  };
}

async function readRequest(wire: Wire): Promise<AskedRequest> {
  const head = await wire.until("\r\n\r\n");
  const [method = "", path = ""] = head.split(" ");
  const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0);
  const body = /^transfer-encoding/im.test(head) ? await wire.chunks() : await wire.take(length);
  return { method, path, head, body };
}
