import { assert, assertEquals } from "@std/assert";
import postgres from "postgres";
import config from "../../examples/postgres/gateway.config.ts";
import { serveSamples } from "../../examples/upstreams/serve.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";
import { postgresFolder, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { until } from "../support/program.ts";

const SCHEMA = new URL("../../examples/postgres/schema.sql", import.meta.url);
const skipped = postgresFolder() === undefined ? "skipped without PostgreSQL: " : "";

/** What a test has: a server with the example's tables, and the example's gateway before it. */
interface Shop {
  readonly server: TestPostgres;
  readonly gateway: TestGateway;
}

/** Each on a server of its own, since most of them break it. */
function shopTest(
  name: string,
  body: (shop: Shop) => Promise<void>,
  maxConnections?: number,
): void {
  Deno.test({
    name: `${skipped}PostgreSQL: ${name}`,
    ignore: skipped !== "",
    async fn() {
      await using server = await startPostgres(maxConnections);
      await server.sql.unsafe(await Deno.readTextFile(SCHEMA));
      await using samples = await serveSamples({
        ports: { countries: 0, holidays: 0, timeZones: 0, mirror: 0 },
      });
      Deno.env.set("DATABASE_URL", server.url);
      {
        await using gateway = startGateway({
          ...config,
          upstreams: { ...config.upstreams, countries: { url: samples.urls.countries } },
        });
        await body({ server, gateway });
      }
      await until(async () => (await activity(server)).length === 0, "no connection is left");
    },
  });
}

/** What one connection does. */
interface Activity {
  readonly state: string;
  readonly query: string;
}

/** What the gateway's connections do on the server. */
async function activity({ sql }: TestPostgres): Promise<readonly Activity[]> {
  return await sql<Activity[]>`
    select state, query from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()
      and application_name <> 'the test'`;
}

async function isActive(server: TestPostgres): Promise<boolean> {
  return (await activity(server)).some(({ state }) => state !== "idle");
}

/** Locks a table, so that every query on it waits, until it is disposed of. */
async function locked({ url }: TestPostgres, table: string): Promise<AsyncDisposable> {
  const sql = postgres(url, { max: 1, connection: { application_name: "the test" } });
  const held = Promise.withResolvers<void>();
  const isHeld = Promise.withResolvers<void>();
  const holding = sql.begin(async (sql) => {
    await sql`lock table ${sql(table)} in access exclusive mode`;
    isHeld.resolve();
    await held.promise;
  });
  await isHeld.promise;
  return {
    async [Symbol.asyncDispose]() {
      held.resolve();
      await holding;
      await sql.end();
    },
  };
}

function order(
  gateway: TestGateway,
  body: Record<string, unknown>,
  signal?: AbortSignal,
): Promise<Response> {
  return ask(`${gateway.url}/orders`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...(signal && { signal }),
  });
}

async function stockOf({ sql }: TestPostgres, product: number): Promise<number> {
  const [row] = await sql<{ stock: number }[]>`select stock from products where id = ${product}`;
  return row?.stock ?? NaN;
}

shopTest("rows and an HTTP API's answer come as one", async ({ gateway }) => {
  const { data, complete } = await readEnvelope(await ask(`${gateway.url}/customers/1`));
  assertEquals(complete, true);
  assertEquals(data, {
    customer: { id: 1, name: "Ada", country: "ch" },
    orders: [{ id: 1, product: "chair", quantity: 1 }],
    country: { name: "Switzerland", flag: "🇨🇭" },
  });
  const expected = { status: 404, kind: "upstream-refused" } as const;
  await readProblem(await ask(`${gateway.url}/customers/3`), expected);
});

shopTest("an order is placed wholly or not at all", async ({ server, gateway }) => {
  const placed = await readEnvelope(
    await order(gateway, { customer: 1, product: 1, quantity: 2 }),
  );
  assertEquals(placed.data, { order: { id: 2, product: "lamp", left: 3 } });
  const wrong: [order: Record<string, unknown>, status: number][] = [
    [{ customer: 1, product: 1, quantity: 4 }, 409],
    // The first statement succeeds, the second does not: there is no such customer.
    [{ customer: 9, product: 1, quantity: 1 }, 409],
    [{ customer: 1, product: 9, quantity: 1 }, 404],
    [{ customer: 1, product: 1, quantity: "many" }, 400],
  ];
  for (const [body, status] of wrong) {
    await readProblem(await order(gateway, body), { status, kind: "upstream-refused" });
    assertEquals(await stockOf(server, 1), 3);
  }
  const [orders] = await server.sql`select count(*)::int as count from orders`;
  assertEquals(orders?.count, 2);
});

shopTest("what a client sends is a value, whatever it looks like", async ({ server, gateway }) => {
  const evil = [
    "1; drop table orders",
    "1 or 1=1",
    "'1'",
    "1--",
    "${1}",
    "$1",
    "0x1",
    "1 union select 1, version(), ''",
    "\\'; delete from customers; --",
  ];
  for (const value of evil) {
    const response = await ask(`${gateway.url}/customers/${encodeURIComponent(value)}`);
    await readProblem(response, { status: 400, kind: "upstream-refused" });
    const placed = await order(gateway, { customer: value, product: 1, quantity: 1 });
    await readProblem(placed, { status: 400, kind: "upstream-refused" });
  }
  const [row] = await server.sql`
    select (select count(*)::int from customers) as customers,
           (select count(*)::int from orders) as orders`;
  assertEquals([row?.customers, row?.orders], [2, 1]);
  assertEquals(await stockOf(server, 1), 5);
});

shopTest("a client that leaves cancels its query on the server", async ({ server, gateway }) => {
  await readEnvelope(await ask(`${gateway.url}/customers/1`));
  for (const table of ["customers", "products"]) {
    await using _lock = await locked(server, table);
    const leave = new AbortController();
    const asked = table === "customers"
      ? ask(`${gateway.url}/customers/1`, { signal: leave.signal })
      : order(gateway, { customer: 1, product: 1, quantity: 1 }, leave.signal);
    asked.catch(() => {});
    await until(() => isActive(server), "the query waits for the lock");
    leave.abort();
    // The lock is held still: only a cancelled query ends now.
    await until(async () => !await isActive(server), "the query is cancelled");
  }
  assertEquals(await stockOf(server, 1), 5);
  const { data } = await readEnvelope(await ask(`${gateway.url}/customers/1`));
  assertEquals(data.customer, { id: 1, name: "Ada", country: "ch" });
  assertEquals(gateway.errors, []);
});

shopTest("a query that takes too long is cancelled at its timeout", async ({ server, gateway }) => {
  await using _lock = await locked(server, "orders");
  const document = await readEnvelope(await ask(`${gateway.url}/customers/1`));
  assertEquals(document.data.orders, null);
  assertEquals(document.problems?.map(({ part, status }) => [part, status]), [["orders", 504]]);
  await until(async () => !await isActive(server), "the query is cancelled");
});

shopTest("more than there are connections wait, and more than may wait are refused", async (
  { server, gateway },
) => {
  const statuses: Promise<number>[] = [];
  const statusOf = async (id: number) => {
    const response = await ask(`${gateway.url}/customers/${id}`);
    await response.body?.cancel();
    return response.status;
  };
  {
    await using _lock = await locked(server, "customers");
    // No two ask the same, for those would share a query.
    for (let id = 1; id <= 100; id++) statuses.push(statusOf(id));
    // Some are refused while all that were let in still wait for the lock.
    await Promise.any(statuses.map(async (status) => assertEquals(await status, 503)));
  }
  const counts = Map.groupBy(await Promise.all(statuses), (status) => status);
  assertEquals([...counts.keys()].toSorted(), [200, 404, 503]);
  assert((counts.get(404)?.length ?? 0) >= 5, "those that held a connection have their answers");
  const connections = await activity(server);
  assert(connections.length <= 10, `${connections.length} connections`);
});

shopTest("a server that goes away is unreachable, and used again when it is back", async (
  { server, gateway },
) => {
  await readEnvelope(await ask(`${gateway.url}/customers/1`));
  await server.stop();
  const hidden = ["ECONNREFUSED", "127.0.0.1", "postgres", "57P0"];
  const expected = { status: 502, kind: "upstream-unreachable", hidden } as const;
  for (let i = 0; i < 3; i++) await readProblem(await ask(`${gateway.url}/customers/1`), expected);
  await server.start();
  await until(async () => {
    const response = await ask(`${gateway.url}/customers/1`);
    await response.body?.cancel();
    return response.status === 200;
  }, "the shop is open again");
});

shopTest("a server without a connection left is unreachable", async ({ server, gateway }) => {
  const others = postgres(server.url, { max: 7, fetch_types: false });
  const slow = Array.from({ length: 7 }, () => others`select pg_sleep(60)`.execute());
  for (const query of slow) query.catch(() => {});
  const expected = { status: 502, kind: "upstream-unreachable" } as const;
  const isSlow = ({ state, query }: Activity) => state === "active" && query.includes("pg_sleep");
  await until(
    async () => (await activity(server)).filter(isSlow).length === slow.length,
    "all connections are taken",
  );
  await readProblem(await ask(`${gateway.url}/customers/1`), expected);
  for (const query of slow) query.cancel();
  await others.end();
  await until(async () => {
    const response = await ask(`${gateway.url}/customers/1`);
    await response.body?.cancel();
    return response.status === 200;
  }, "there is a connection again");
}, 8);
