import { testGuard } from "../support/test_guard.ts";
import { assert, assertEquals } from "@std/assert";
import { Body } from "../../lib/core/body.ts";
import type { Bytes } from "../../lib/core/bytes.ts";
import { openCache } from "../../lib/cache/open_cache.ts";
import { cache } from "../../lib/cache/policy.ts";
import type { Call, Client, Reply, Source } from "../../lib/core/source.ts";
import { testCall, testContext } from "../support/context.ts";
import { ManualClock, settled } from "../support/manual_clock.ts";
import { property, type Random } from "../support/random.ts";

/** How many worlds; `SEEDS=100000 deno test …` tries more. */
const RUNS = Number(Deno.env.get("SEEDS") ?? 150);
const STEPS = 120;

/** What a request shows of who sent it. */
const IDENTITY = ["authorization", "cookie", "x-api-key", "accept-language"] as const;

/** What the model knows of an answer that the origin made. */
interface Made {
  readonly id: number;
  readonly path: string;
  /** Who it was made for: everything that the origin was told. */
  readonly asked: Headers;
  readonly client: Client;
  headers: Headers;
  readonly bytes: Bytes;
}

/** One question at the origin that has no answer yet. */
interface Waiting {
  readonly call: Call;
  readonly client: Client;
  readonly answer: (reply: Reply) => void;
}

/** What the origin may say of an answer. */
const RULES = [
  {},
  {},
  { "cache-control": "max-age=5" },
  { "cache-control": "max-age=5, stale-while-revalidate=5" },
  { "cache-control": "public, max-age=5" },
  { "cache-control": "s-maxage=5" },
  { "cache-control": "private, max-age=5" },
  { "cache-control": "Private" },
  { "cache-control": 'private="x", max-age=5' },
  { "cache-control": "no-store" },
  { "cache-control": "no-cache, max-age=5" },
  { "cache-control": "max-age=0, must-revalidate" },
  { "cache-control": "public, max-age=5", "cdn-cache-control": "private" },
  { "cache-control": "public, max-age=5", "cdn-cache-control": "no-store, max-age=5" },
] as const;
const VARY = ["", "", "cookie", "x-api-key", "Cookie, Accept-Language", "authorization", "*"];

/** What may stand between an answer and those that it was not made for. */
function mayBeShared(
  { asked, headers }: Made,
  request: Headers,
  { ttlMs, override }: { readonly ttlMs: number | undefined; readonly override: boolean },
): boolean {
  if (headers.has("set-cookie")) return false;
  const targeted = headers.get("cdn-cache-control");
  const said = (targeted ?? headers.get("cache-control") ?? "").toLowerCase().split(/\s*,\s*/);
  const says = (name: string) => said.some((one) => one === name || one.startsWith(`${name}=`));
  const isOverridden = override && ttlMs !== undefined;
  if (!isOverridden && (says("private") || says("no-store"))) return false;
  const names = headers.get("vary")?.toLowerCase().split(/\s*,\s*/) ?? [];
  if (names.includes("*")) return false;
  if (names.some((name) => asked.get(name) !== request.get(name))) return false;
  const isAuthorized = asked.has("authorization") || request.has("authorization");
  return !isAuthorized || says("public") || says("s-maxage") || says("must-revalidate");
}

/** An answer's body, some of it still to come. */
function bodyOf(bytes: Bytes, random: Random): Body {
  if (random.bool()) return Body.of(bytes);
  const middle = Math.floor(bytes.length / 2);
  const chunks = [bytes.slice(0, middle), bytes.slice(middle)];
  return Body.from({
    stream: new ReadableStream({
      async pull(controller) {
        await settled();
        const chunk = chunks.shift();
        if (chunk) controller.enqueue(chunk);
        else controller.close();
      },
    }, { highWaterMark: 0 }),
  });
}

property(
  "no client gets an answer that was made for another unless the rules allow it",
  RUNS,
  async (random) => {
    const clock = new ManualClock();
    const { cache: httpCache, purge: ban } = openCache({
      memoryBytes: random.pick([5_000, 1_000_000]),
      clock,
      pseudonym: "test",
      guard: testGuard({ clock }),
      refreshMs: 1_000,
    });
    const settings = {
      ttlMs: random.bool() ? 5_000 : undefined,
      override: random.bool(0.3),
      staleMs: random.bool() ? 5_000 : undefined,
      staleIfErrorMs: random.bool() ? 20_000 : undefined,
    };
    const made: Made[] = [];
    const waiting: Waiting[] = [];
    const origin: Source = (call, ctx) => {
      const { promise, resolve } = Promise.withResolvers<Reply>();
      waiting.push({ call, client: ctx.client, answer: resolve });
      return promise;
    };
    const source = cache({ cache: httpCache, name: "it", settings, maxEntryBytes: 1_000 })(origin);
    let answered = 0;
    let sharedCount = 0;
    const asking = new Set<Promise<void>>();
    const failures: unknown[] = [];

    const askAs = async (call: Call, client: Client) => {
      const background = (task: (signal: AbortSignal) => Promise<unknown>) => {
        task(new AbortController().signal);
      };
      const { status, headers, body } = await source(call, testContext({ client, background }));
      if (status === 503) return; // the origin's failure, which is nobody's
      const one = made[Number(headers.get("x-id") ?? NaN)];
      assert(one, `an answer that nobody made: ${status} ${JSON.stringify([...headers])}`);
      answered++;
      assertEquals(one.path, call.path, "the answer to another question");
      const isOwn = one.client === client && sameIdentity(one.asked, call.headers);
      const isAllowed = isOwn || mayBeShared(one, call.headers, settings);
      assert(
        isAllowed,
        `${told(call.headers)} got what was made for ${told(one.asked)}: ${told(one.headers)}`,
      );
      if (headers.has("set-cookie")) {
        assert(isOwn, `${told(call.headers)} got the cookie of ${told(one.asked)}`);
      }
      if (!isOwn) sharedCount++;
      if (status === 304 || call.method === "HEAD") return;
      assertEquals(
        new TextDecoder().decode(await readAll(body)),
        new TextDecoder().decode(one.bytes),
      );
    };

    const answerOne = () => {
      const [question] = random.shuffle(waiting);
      if (!question) return;
      waiting.splice(waiting.indexOf(question), 1);
      const { call, client, answer } = question;
      const changes = new Headers({
        ...random.pick(RULES),
        ...(random.bool(0.15) && { "set-cookie": `session=${random.int(1, 9)}` }),
      });
      const vary = random.pick(VARY);
      if (vary !== "") changes.set("vary", vary);
      if (random.bool(0.1)) {
        return answer({ status: 503, headers: new Headers(), body: Body.of(new Uint8Array()) });
      }
      const etag = call.headers.get("if-none-match");
      const known = made.find(({ headers }) => headers.get("etag") === etag);
      if (etag !== null && known && random.bool(0.6)) {
        // Unchanged, but what it says of itself may have changed; from now on it is this client's.
        const id = made.length;
        changes.set("x-id", String(id));
        changes.set("etag", etag);
        const merged = new Headers(known.headers);
        for (const [name, value] of changes) merged.set(name, value);
        made.push({ ...known, id, asked: call.headers, client, headers: merged });
        return answer({ status: 304, headers: changes, body: Body.of(new Uint8Array()) });
      }
      const id = made.length;
      changes.set("x-id", String(id));
      if (random.bool()) changes.set("etag", `"${id}"`);
      const bytes = new TextEncoder().encode(`body ${id} for ${told(call.headers)}`);
      made.push({ id, path: call.path, asked: call.headers, client, headers: changes, bytes });
      answer({
        status: random.pick([200, 200, 200, 404]),
        headers: new Headers(changes),
        body: bodyOf(bytes, random),
      });
    };

    const clients: Client[] = [
      { address: "192.0.2.1" },
      { address: "192.0.2.2" },
      { address: "192.0.2.1", name: "ann", tier: "pro" },
    ];
    for (let step = 0; step < STEPS; step++) {
      const what = random.int(1, 10);
      if (what <= 5) {
        const done = askAs(anyCall(random), random.pick(clients));
        asking.add(done);
        done.catch((error) => failures.push(error)).finally(() => asking.delete(done));
      } else if (what <= 8) answerOne();
      else if (what === 9) await clock.advance(random.pick([1, 1_000, 4_000, 6_000]));
      else if (random.bool(0.2)) await ban({ of: "all", isSoft: random.bool(), at: clock.wall() });
      if (random.bool()) await settled();
    }
    for (let turn = 0; asking.size > 0; turn++) {
      assert(turn < 10_000, `${asking.size} got no answer`);
      answerOne();
      await settled();
    }
    if (failures.length > 0) throw failures[0];
    assert(answered > 20, `only ${answered} answers`);
    total += sharedCount;
  },
);

/** How often an answer served another client, in all worlds. */
let total = 0;

Deno.test("the worlds of this property do share responses", () => {
  assert(total > RUNS || Deno.env.has("SEED"), `only ${total} answers were shared`);
});

function anyCall(random: Random): Call {
  const headers = new Headers();
  if (random.bool(0.3)) headers.set("authorization", random.pick(["Bearer ann", "Bearer bob"]));
  if (random.bool(0.4)) headers.set("cookie", random.pick(["u=ann", "u=bob"]));
  if (random.bool(0.3)) headers.set("x-api-key", random.pick(["ann", "bob"]));
  if (random.bool(0.3)) headers.set("accept-language", random.pick(["de", "en"]));
  if (random.bool(0.15)) {
    headers.set("cache-control", random.pick(["no-cache", "no-store", "max-age=0", "max-stale"]));
  }
  return testCall({
    path: random.pick(["/a", "/a", "/b"]),
    method: random.pick(["GET", "GET", "GET", "GET", "HEAD"]),
    headers,
  });
}

function sameIdentity(one: Headers, other: Headers): boolean {
  return IDENTITY.every((name) => one.get(name) === other.get(name));
}

function told(headers: Headers): string {
  return JSON.stringify([...headers]);
}

async function readAll(body: Body): Promise<Bytes> {
  return new Uint8Array(await new Response(body.handOn()).arrayBuffer());
}
