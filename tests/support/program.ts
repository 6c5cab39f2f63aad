import { abortable, delay } from "@std/async";

/** The permissions that the program is run with, as `deno task start` has them. */
const PERMISSIONS = ["--allow-net", "--allow-env", "--allow-read", "--allow-write"] as const;
const REPOSITORY = new URL("../../", import.meta.url);
/** All that the program is made of, without what it is tested and shown with. */
const PROGRAM_FILES = [
  "deno.json",
  "deno.lock",
  "gateway.config.ts",
  "lib",
  "main.ts",
  "middleware",
  "routes",
] as const;
/** What may pass before a process is seen to do what it should; far more than it needs. */
const BOUND_MS = 10_000;

const LISTENS = /^listening on (https?:\/\/\S+)$/m;

/** Waits until something is so, by looking again and again; fails when it does not become so. */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string,
  boundMs = BOUND_MS,
): Promise<void> {
  const end = performance.now() + boundMs;
  while (!await isSo()) {
    if (performance.now() > end) throw new Error(`not within ${boundMs} ms: ${what}`);
    await delay(5);
  }
}

/** Settles like `promise`; fails when that takes too long. */
export async function within<T>(promise: Promise<T>, what: string, boundMs = BOUND_MS): Promise<T> {
  const bound = new AbortController();
  const timer = setTimeout(
    () => bound.abort(new Error(`not within ${boundMs} ms: ${what}`)),
    boundMs,
  );
  try {
    return await abortable(promise, bound.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A folder of its own, removed with all that is in it. */
export class TestFolder implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** @param files what is in it, by names such as `"a.json"` */
  static async make(files: Readonly<Record<string, string>> = {}): Promise<TestFolder> {
    const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "sluice-" }));
    const folder = new TestFolder(path);
    for (const [name, text] of Object.entries(files)) await folder.write(name, text);
    return folder;
  }

  /**
   * A folder that has the whole program in it, for tests that change its files.
   * @param more what else of the project it has
   */
  static async withProgram(...more: string[]): Promise<TestFolder> {
    const folder = await TestFolder.make();
    for (const name of [...PROGRAM_FILES, ...more]) {
      await copy(new URL(name, REPOSITORY), folder.file(name));
    }
    return folder;
  }

  /** The whole path of a file in it. */
  file(name: string): string {
    return `${this.path}/${name}`;
  }

  async write(name: string, text: string): Promise<void> {
    await Deno.writeTextFile(this.file(name), text);
  }

  /** Whether a file or a folder of that name is there. */
  async has(name: string): Promise<boolean> {
    return await Deno.lstat(this.file(name)).then(() => true, () => false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}

async function copy(from: URL, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to);
  for await (const { name } of Deno.readDir(from)) {
    await copy(new URL(`${from.href}/${name}`), `${to}/${name}`);
  }
}

/** Where a process runs, and what surrounds it. */
export interface Surroundings {
  readonly cwd: string;
  /** Added to the test's own environment, in which no variable of the gateway is set. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * A script of bash that becomes the process, which it sets limits for or redirects:
   * `ulimit -n 160; exec "$0" "$@" >/dev/full`.
   */
  readonly shell?: string | undefined;
}

/** The config, the store and the operator's routes, as each start says them. */
const STARTED =
  /^.*\bconfig: \S+: \d+ routes?, .*\n.*\bstore: .*\n.*\boperator: \/_gateway\/ .*\n/m;

/** A `deno` process. Disposing of it ends it, if it still runs. */
export class DenoProcess implements AsyncDisposable {
  /** What it has written so far. */
  stdout = "";
  #stderr = "";
  /** Its exit code, once it has ended. */
  code: number | undefined;
  readonly #child: Deno.ChildProcess;
  readonly #ended: Promise<number>;
  #isRunning = true;
  /** Resolves when it writes next, or ends. */
  #news = Promise.withResolvers<void>();

  constructor(args: readonly string[], { cwd, env = {}, shell }: Surroundings) {
    const [command, before] = shell === undefined
      ? [Deno.execPath(), []]
      : ["bash", ["-c", shell, Deno.execPath()]];
    this.#child = new Deno.Command(command, {
      args: [...before, ...args],
      cwd,
      clearEnv: true,
      env: { ...environment(), ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const reading = [
      read(this.#child.stdout, (text) => {
        this.stdout += text;
        this.#tell();
      }),
      read(this.#child.stderr, (text) => {
        this.#stderr += text;
        this.#tell();
      }),
    ];
    this.#ended = this.#end(reading);
  }

  /** What it has written to standard error, without the lines of every start. */
  get stderr(): string {
    return this.#stderr.replace(STARTED, "");
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** All that it has written so far. */
  get output(): string {
    return this.stdout + this.stderr;
  }

  /** Resolves as soon as its standard output matches; fails when it ends without. */
  async wrote(pattern: RegExp): Promise<void> {
    const what = `the process writes ${pattern}`;
    while (!pattern.test(this.stdout)) {
      if (this.code !== undefined) throw new Error(`it ended before ${what}\n${this.output}`);
      await within(this.#news.promise, what);
    }
  }

  /** Resolves to the exit code, when it has ended and all that it wrote was read. */
  async ended(boundMs = BOUND_MS): Promise<number> {
    return await within(this.#ended, `the process ends\n${this.output}`, boundMs);
  }

  /** Sends a signal to this one process. */
  signal(signal: Deno.Signal): void {
    if (this.#isRunning) this.#child.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.signal("SIGKILL");
    await this.ended();
  }

  async #end(reading: readonly Promise<void>[]): Promise<number> {
    const { code } = await this.#child.status;
    this.#isRunning = false;
    await Promise.all(reading);
    this.code = code;
    this.#tell();
    return code;
  }

  #tell(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

/** How the program is started. */
export interface ProgramOptions {
  /**
   * Its config, to which GATEWAY_CONFIG leads: a text is a TypeScript module, anything else JSON.
   * Absent: nothing tells the program of a config.
   */
  readonly config?: unknown;
  /** What else is in the folder that it runs in. */
  readonly files?: Readonly<Record<string, string>>;
  readonly flags?: readonly string[];
  /** PORT is 0 unless it says otherwise. */
  readonly env?: Readonly<Record<string, string>>;
  /** Run instead of main.ts. */
  readonly script?: string;
  readonly shell?: string;
}

/** main.ts as a process, in a folder of its own. */
export class Program extends DenoProcess {
  constructor(readonly folder: TestFolder, options: ProgramOptions) {
    const { config, flags = [], env = {}, script, shell } = options;
    super(
      ["run", "--frozen", ...PERMISSIONS, script ?? new URL("main.ts", REPOSITORY).pathname]
        .concat(flags),
      {
        cwd: folder.path,
        env: { PORT: "0", ...(config === undefined ? {} : configVariable(config)), ...env },
        shell,
      },
    );
  }

  /** Where it listens: `http://127.0.0.1:49152`; undefined before it does. */
  get listensOn(): string | undefined {
    return LISTENS.exec(this.stdout)?.[1];
  }

  /** Where it listens. */
  get url(): string {
    if (this.listensOn === undefined) throw new Error("the program does not listen");
    return this.listensOn;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** What it wrote on standard output after it said where it listens: the access log. */
  get log(): string[] {
    return this.stdout.split("\n").slice(1, -1);
  }

  /** The lines of the log on standard error. */
  get errors(): Record<string, unknown>[] {
    const lines = this.stderr.split("\n").slice(0, -1).filter((line) => line.startsWith("{"));
    return lines.map((line) => JSON.parse(line));
  }

  /** What those lines say. */
  get told(): unknown[] {
    return this.errors.map(({ message }) => message);
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    await super[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Starts the program and waits until it says that it listens; not a moment longer. */
export async function startProgram(options: ProgramOptions): Promise<Program> {
  const program = await spawnProgram(options);
  try {
    await program.wrote(LISTENS);
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Runs the program until it ends of itself. */
export async function runProgram(options: ProgramOptions): Promise<Program> {
  const program = await spawnProgram(options);
  try {
    await program.ended();
    return program;
  } catch (error) {
    await program[Symbol.asyncDispose]();
    throw error;
  }
}

/** Starts the program, and waits for nothing. */
export async function spawnProgram(options: ProgramOptions): Promise<Program> {
  const { config, files = {} } = options;
  const folder = await TestFolder.make({
    ...files,
    ...(config === undefined ? {} : configFile(config)),
  });
  return new Program(folder, options);
}

function configFile(config: unknown): Record<string, string> {
  return typeof config === "string"
    ? { "test.config.ts": config }
    : { "test.config.json": JSON.stringify(config) };
}

function configVariable(config: unknown): Record<string, string> {
  return { GATEWAY_CONFIG: typeof config === "string" ? "test.config.ts" : "test.config.json" };
}

/** The test's environment without what would tell the gateway something. */
function environment(): Record<string, string> {
  const known = Object.entries(Deno.env.toObject());
  return Object.fromEntries(
    known.filter(([name]) => !/^(?:PORT|HOST|GATEWAY_.*|DENO_KV_.*)$/.test(name)),
  );
}

async function read(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
  onText: (text: string) => void,
): Promise<void> {
  for await (const text of stream.pipeThrough(new TextDecoderStream())) onText(text);
}
