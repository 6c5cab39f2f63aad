// deno-lint-ignore-file no-console -- its output is its purpose
import { assert, assertEquals, equal } from "@std/assert";
import { startProgram } from "../support/program.ts";
import { Random } from "../support/random.ts";
import { startServer } from "../support/server.ts";
import { refusingUrl } from "../support/upstream.ts";

const REQUESTS = Number(Deno.env.get("REQUESTS") ?? 100_000);
const CONCURRENCY = 64;
/** Memory that the program may take beyond what it had after a fifth of the requests (bytes). */
const RSS_NOISE = 100_000_000;

/** What a request must get: its status, and its body or a part of it. */
interface Expected {
  readonly path: string;
  readonly status: number;
  readonly body: unknown;
}

function anyRequest(random: Random): Expected {
  const id = random.int(0, 1_000_000);
  const data = (path: string) => ({ path });
  return random.pick<() => Expected>([
    () => ({ path: `/f/a/${id}`, status: 200, body: data(`/a/${id}`) }),
    () => ({ path: `/f/missing/${id}`, status: 404, body: data(`/missing/${id}`) }),
    () => ({ path: `/f/broken/${id}`, status: 503, body: data(`/broken/${id}`) }),
    () => ({
      path: `/all/${id}`,
      status: 200,
      body: {
        data: { a: data(`/a/${id}`), b: data(`/b/${id}`), c: data(`/c/${id}`) },
        complete: true,
      },
    }),
    () => ({ path: `/cached/${id % 50}`, status: 200, body: data(`/cached/${id % 50}`) }),
    () => ({ path: `/none/${id}`, status: 404, body: "not-found" }),
    () => ({ path: `/refused/${id}`, status: 502, body: "upstream-unreachable" }),
    () => ({ path: `/needs/${id}`, status: 502, body: "upstream-error" }),
  ])();
}

Deno.test(`${REQUESTS} mixed requests to the program, none with a wrong response`, async () => {
  await using upstream = startServer((request) => {
    const path = request.url.slice(request.url.indexOf("/", 8));
    const status = path.startsWith("/missing") ? 404 : path.startsWith("/broken") ? 503 : 200;
    const headers = path.startsWith("/cached") ? { "cache-control": "max-age=600" } : {};
    return Response.json({ path }, { status, headers });
  });
  const part = (path: string) => ({ from: "up", path: `${path}/{id}` });
  await using program = await startProgram({
    config: {
      store: ":memory:",
      upstreams: {
        up: { url: upstream.url, timeout: "20s" },
        stored: { url: upstream.url, timeout: "20s", cache: {} },
        nobody: { url: refusingUrl() },
      },
      routes: {
        "GET /f/*": { forward: { to: "up", strip: "/f" }, deadline: "30s" },
        "GET /all/:id": {
          gather: { a: part("/a"), b: part("/b"), c: part("/c") },
          deadline: "30s",
        },
        "GET /cached/*": { forward: "stored", deadline: "30s" },
        "GET /refused/:id": { gather: { a: { from: "nobody", path: "/{id}" } } },
        "GET /needs/:id": { gather: { a: part("/broken") }, deadline: "30s" },
      },
    },
    // The access log would fill the memory of this process.
    shell: 'exec "$0" "$@" > >(grep --line-buffered "^listening")',
  });
  const random = new Random(1);
  const counts = new Map<string, number>();
  const wrong: string[] = [];
  const client = async () => {
    const { path, status, body } = anyRequest(random);
    const leaver = new AbortController();
    const timer = random.bool(0.05)
      ? setTimeout(() => leaver.abort(), random.int(0, 8))
      : undefined;
    try {
      const response = await fetch(program.url + path, { signal: leaver.signal });
      const came = await response.json();
      const isRight = typeof body === "string"
        ? String(came.type).endsWith(`/${body}`)
        : equal(came, body);
      count(String(response.status));
      if (response.status !== status || !isRight) {
        wrong.push(`${path}: ${response.status} ${JSON.stringify(came)}`);
      }
    } catch (error) {
      if (!leaver.signal.aborted) throw error;
      count("aborted");
    } finally {
      clearTimeout(timer);
    }
  };
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1);
  let begun = 0;
  const run = async (upTo: number) => {
    await Promise.all(Array.from({ length: CONCURRENCY }, async () => {
      while (begun < upTo && wrong.length === 0) {
        begun++;
        await client();
      }
    }));
    assertEquals(wrong, []);
    return await residentBytes(program.pid);
  };
  const began = performance.now();
  const early = await run(REQUESTS / 5);
  const late = await run(REQUESTS);
  const seconds = (performance.now() - began) / 1000;
  const told = [...counts].sort().map(([what, times]) => `${what}: ${times}`).join(", ");
  const megabytes = [early, late].map((bytes) => (bytes / 1e6).toFixed(0)).join(" and ");
  console.log(`${REQUESTS} requests in ${seconds.toFixed(1)} s; ${told}; RSS ${megabytes} MB`);
  assert(late - early < RSS_NOISE, `the program grew by ${late - early} bytes`);
});

/** The program's memory; 0 where that cannot be seen. */
async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
}
