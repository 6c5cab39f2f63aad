import { TestFolder, within } from "./program.ts";

/** The server: `DENOKV=path`, or `denokv` on PATH. */
const SERVER = Deno.env.get("DENOKV") || "denokv";
/** What KV Connect is asked with; the server takes none that is shorter than 12 characters. */
const TOKEN = "a token for tests";
const LISTENS = /Listening on http:\/\/127\.0\.0\.1:(\d+)/;

/** Whether the server can be run here. */
export const isInstalled = answers(SERVER);

/** Defines tests that need the server; where it is missing, one that is skipped and says so. */
export function withDenokv(what: string, define: () => void): void {
  if (isInstalled) return define();
  const advice = "`cargo install denokv --locked`, or DENOKV=path";
  Deno.test({
    name: `${what}: skipped, for ${SERVER} is not installed (${advice})`,
    ignore: true,
    fn() {},
  });
}

/** A KV Connect server on a port of its own and a file of its own, until a test is done with it. */
export class Denokv implements AsyncDisposable {
  readonly #folder: TestFolder;
  #child: Deno.ChildProcess | undefined;
  /** Its standard error, read to its end: a full pipe would stop it. */
  #reading: Promise<void> | undefined;
  #port = 0;

  private constructor(folder: TestFolder) {
    this.#folder = folder;
  }

  static async start(): Promise<Denokv> {
    const server = new Denokv(await TestFolder.make());
    await server.start();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What a process needs in its environment to use it as the gateway's store. */
  get env(): Record<string, string> {
    return { GATEWAY_STORE: this.url, DENO_KV_ACCESS_TOKEN: TOKEN };
  }

  /** Starts it, or starts it again: at the same port, with what it has stored. */
  async start(): Promise<void> {
    const child = new Deno.Command(SERVER, {
      args: ["--sqlite-path", this.#folder.file("kv.sqlite"), "serve"]
        .concat("--addr", `127.0.0.1:${this.#port}`, "--access-token", TOKEN),
      env: { RUST_LOG: "info" },
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#child = child;
    const listening = Promise.withResolvers<number>();
    this.#reading = (async () => {
      let text = "";
      for await (const chunk of child.stderr.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const port = LISTENS.exec(text)?.[1];
        if (port !== undefined) listening.resolve(Number(port));
      }
      listening.reject(new Error(`denokv ended: ${text}`));
    })();
    this.#port = await within(listening.promise, "denokv listens");
  }

  /** Ends it at once, in the middle of whatever it does. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    child.kill("SIGKILL");
    await Promise.all([child.status, this.#reading]);
  }

  /** Another connection to it, from this process; `url` is the way that it takes. */
  async open(url = this.url): Promise<Deno.Kv> {
    Deno.env.set("DENO_KV_ACCESS_TOKEN", TOKEN);
    return await Deno.openKv(url);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#folder[Symbol.asyncDispose]();
  }
}

function answers(server: string): boolean {
  try {
    return new Deno.Command(server, { args: ["--help"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
