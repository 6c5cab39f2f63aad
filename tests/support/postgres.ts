import postgres from "postgres";
import { until } from "./program.ts";

/** A PostgreSQL server of a test's own. */
export interface TestPostgres extends AsyncDisposable {
  /** Where it is, with its user. */
  readonly url: string;
  /** A connection of the test's own, which sees what all others do. */
  readonly sql: postgres.Sql;
  /** Ends it at once, as a crash does; `start` brings it back at the same address. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

/** Where Debian keeps the programs of its newest version first. */
const DEBIAN = "/usr/lib/postgresql";
/** PostgreSQL refuses to be run by root: this user runs it then. */
const USER = "postgres";

/** The folder of initdb and postgres; undefined where they are not installed. */
export function postgresFolder(): string | undefined {
  const versions = [...readNames(DEBIAN)].sort((a, b) => Number(b) - Number(a));
  const folders = [
    ...(Deno.env.get("PATH") ?? "").split(":"),
    ...versions.map((version) => `${DEBIAN}/${version}/bin`),
  ];
  return folders.find((folder) => {
    const names = new Set(readNames(folder));
    return names.has("initdb") && names.has("postgres");
  });
}

/**
 * Starts it on a port of its own, on loopback alone.
 * @param maxConnections how many connections it takes, some of which are kept for its owner
 */
export async function startPostgres(maxConnections = 40): Promise<TestPostgres> {
  const folder = postgresFolder();
  if (folder === undefined) throw new Error("PostgreSQL is not installed");
  const data = await Deno.makeTempDir({ prefix: "sluice-postgres-" });
  const port = freePort();
  const isRoot = Deno.uid() === 0;
  const run = (program: string, args: readonly string[]) =>
    isRoot
      ? new Deno.Command("setpriv", {
        args: [`--reuid=${USER}`, "--clear-groups", `${folder}/${program}`, ...args],
        stdout: "null",
        stderr: "null",
        cwd: data,
      })
      : new Deno.Command(`${folder}/${program}`, {
        args: [...args],
        stdout: "null",
        stderr: "null",
      });
  if (isRoot) {
    const owned = await new Deno.Command("chown", { args: [USER, data] }).output();
    if (!owned.success) throw new Error(`no user ${USER} to run it`);
  }
  const made = await run("initdb", ["-D", data, "-U", "shop", "-A", "trust", "-N"]).output();
  if (!made.success) throw new Error("initdb failed");
  let server: Deno.ChildProcess | undefined;
  const url = `postgres://shop@127.0.0.1:${port}/postgres`;
  const sql = postgres(url, { max: 1, onnotice() {} });
  const isUp = async () => {
    try {
      await sql`select 1`;
      return true;
    } catch {
      return false;
    }
  };
  const start = async () => {
    server = run("postgres", [
      ...["-D", data, "-p", `${port}`, "-c", "listen_addresses=127.0.0.1", "-k", data],
      ...["-c", `max_connections=${maxConnections}`, "-c", "fsync=off"],
    ]).spawn();
    await until(isUp, "PostgreSQL answers");
  };
  const stop = async () => {
    // SIGQUIT: it ends without waiting for anyone.
    server?.kill("SIGQUIT");
    await server?.status;
    server = undefined;
  };
  await start();
  return {
    url,
    sql,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await sql.end({ timeout: 1 });
      await stop();
      await Deno.remove(data, { recursive: true });
    },
  };
}

function* readNames(folder: string): Generator<string> {
  try {
    for (const { name } of Deno.readDirSync(folder)) yield name;
  } catch {
    // It is not there, and so are none.
  }
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
