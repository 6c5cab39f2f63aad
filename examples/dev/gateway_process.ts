const ROOT = new URL("../../", import.meta.url);
/** The gateway's own modules; it reloads its config by itself. */
const SOURCES = ["lib", "middleware", "routes", "main.ts"].map((name) => new URL(name, ROOT));
const COMMAND = [
  ...["run", "--allow-net", "--allow-env", "--allow-read", "--allow-write"],
  ...["main.ts", "--watch-config", "--config", "examples/dev/gateway.config.ts"],
];
/** How long an editor may take to write several files (ms). */
const SAVES_MS = 200;
/** Longer than the gateway's graceful shutdown takes (ms). */
const STOP_MS = 5_000;

/** The gateway of `deno task dev`, which starts again when one of its own modules is edited. */
export class GatewayProcess {
  readonly #env: Readonly<Record<string, string>>;
  #child: Deno.ChildProcess | undefined;
  #isEdited = false;
  #isStopping = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param env variables besides those of this process */
  constructor(env: Readonly<Record<string, string>>) {
    this.#env = env;
  }

  /** Runs it until it is stopped, or exits by itself. @returns its exit code */
  async run(): Promise<number> {
    using edits = Deno.watchFs(SOURCES.map(({ pathname }) => pathname));
    this.#follow(edits);
    let code = 0;
    do {
      if (this.#isStopping) break;
      this.#isEdited = false;
      // A group of its own, so that a Ctrl-C reaches it once, from here.
      this.#child = new Deno.Command(Deno.execPath(), {
        args: COMMAND,
        cwd: ROOT,
        env: this.#env,
        detached: true,
      }).spawn();
      ({ code } = await this.#child.status);
      this.#child = undefined;
    } while (this.#isEdited);
    clearTimeout(this.#timer);
    return code;
  }

  /** Lets it end its requests. */
  stop(): void {
    this.#isStopping = true;
    clearTimeout(this.#timer);
    this.#child?.kill("SIGTERM");
    this.#timer = setTimeout(() => this.kill(), STOP_MS);
  }

  /** Ends it at once. */
  kill(): void {
    this.#child?.kill("SIGKILL");
  }

  async #follow(edits: Deno.FsWatcher): Promise<void> {
    for await (const { kind } of edits) {
      if (kind === "access" || this.#isStopping) continue;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.#isEdited = true;
        this.#child?.kill("SIGTERM");
      }, SAVES_MS);
    }
  }
}
