import { endsInTime } from "./server.ts";
import { Wire } from "./wire.ts";

/** An upstream that reads some requests and closes their connections without a response. */
export interface LosingUpstream extends AsyncDisposable {
  readonly url: string;
  /** What came: `POST /x`, in order. */
  readonly asked: readonly string[];
}

/**
 * Starts an upstream that responds `{}` and keeps its connections, except that it closes the
 * connection of each request that `isLost` picks once it has read the request.
 */
export function startLosingUpstream(
  isLost: (method: string, path: string) => boolean,
): LosingUpstream {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const asked: string[] = [];
  const open = new Map<Wire, Promise<void>>();

  async function serve(wire: Wire): Promise<void> {
    try {
      while (true) {
        const head = await wire.until("\r\n\r\n");
        const [method = "", path = ""] = head.split(" ");
        asked.push(`${method} ${path}`);
        await wire.take(Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0));
        if (/^transfer-encoding/im.test(head)) await wire.chunks();
        if (isLost(method, path)) return;
        const body = method === "HEAD" ? "" : "{}";
        await wire.send(
          `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n${body}`,
        );
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
      const wire = new Wire(connection);
      open.set(wire, serve(wire));
    }
  })().catch(() => {});

  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    asked,
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
      if (!await endsInTime([...open.values()])) throw new Error("a connection stayed open");
    },
  };
}
