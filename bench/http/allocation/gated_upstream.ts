import type { Bytes } from "../../../lib/core/bytes.ts";

/** An upstream that responds with one document, at once or when its gate is opened. */
export class GatedUpstream implements AsyncDisposable {
  readonly port: number;
  /** Calls that wait at the gate. */
  waiting = 0;
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  #gate: PromiseWithResolvers<void> | undefined;

  constructor(document: Bytes) {
    const headers = { "content-type": "application/json", "cache-control": "private" };
    this.#server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async () => {
      if (this.#gate) {
        this.waiting++;
        await this.#gate.promise;
        this.waiting--;
      }
      return new Response(document, { headers });
    });
    this.port = this.#server.addr.port;
  }

  /** Holds every call from now on. */
  close(): void {
    this.#gate ??= Promise.withResolvers();
  }

  /** Lets all calls go. */
  open(): void {
    this.#gate?.resolve();
    this.#gate = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.open();
    await this.#server.shutdown();
  }
}
