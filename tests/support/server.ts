import { abortable } from "@std/async";

/** What a server, told to stop, may need to finish what it was asked; far more than it does. */
const STOP_MS = 5_000;

/** An HTTP server on a port of loopback, for as long as a test holds it. */
export interface TestServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
}

/**
 * Starts a server.
 *
 * It stops when all its answers have been sent. One that cannot is a test's failure, not its hanging:
 * disposing of the server then ends its connections, and throws.
 */
export function startServer(handler: Deno.ServeHandler<Deno.NetAddr>): TestServer {
  const force = new AbortController();
  const running = new Set<Promise<void>>();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", signal: force.signal, onListen() {} },
    (request, info) => {
      const ended = info.completed.catch(() => {}).finally(() => running.delete(ended));
      running.add(ended);
      return handler(request, info);
    },
  );
  const { port } = server.addr;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (await endsInTime([...running])) return await server.shutdown();
      force.abort();
      await server.finished;
      throw new Error(`a server at its end still had ${running.size} requests to answer`);
    },
  };
}

/** Whether all of these end within what a stopping server may need. */
export async function endsInTime(running: readonly Promise<unknown>[]): Promise<boolean> {
  const bound = new AbortController();
  const timer = setTimeout(() => bound.abort(), STOP_MS);
  try {
    await abortable(Promise.all(running), bound.signal);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}
