import { assert, assertEquals, assertMatch } from "@std/assert";
import { OPERATED, startOperated } from "../support/operated.ts";

const ADDRESS = { "x-forwarded-for": "203.0.113.7" };

Deno.test("an address's buckets are shown as in its own RateLimit headers", async () => {
  await using it = await startOperated();
  const { headers } = await it.get("/a", ADDRESS);
  assertEquals(headers.get("ratelimit"), '"perClient";r=2;t=60, "perRoute";r=9;t=60');
  const { status, headers: own, document } = await it.admin("GET", "buckets?ip=203.0.113.7");
  assertEquals([status, own.get("cache-control")], [200, "no-store"]);
  assertEquals(document, {
    who: "ip 203.0.113.7",
    ban: null,
    buckets: [
      { limit: "perClient", tier: null, left: 2, leased: 0, burst: 3, next: 60, full: 60 },
      {
        limit: "perRoute",
        tier: null,
        route: "GET /a",
        left: 9,
        leased: 0,
        burst: 10,
        next: 60,
        full: 60,
      },
      {
        limit: "perRoute",
        tier: null,
        route: "GET /b",
        left: 10,
        leased: 0,
        burst: 10,
        next: null,
        full: 0,
      },
    ],
  });
});

Deno.test("a client's buckets are those of the tier it is in, and of one it was in", async () => {
  await using it = await startOperated();
  const { document: { key } } = await it.admin("POST", "clients", { name: "mobile" });
  const standing = async () =>
    (await it.admin("GET", "buckets?client=mobile")).document.buckets.map((
      { tier, left, burst }: Record<string, unknown>,
    ) => [tier, left, burst]);
  assertEquals(await standing(), [[null, 3, 3]]);
  await it.get("/a", { "x-api-key": key });
  await it.admin("PATCH", "clients/mobile", { tier: "pro" });
  await it.get("/a", { "x-api-key": key });
  assertEquals(await standing(), [[null, 2, 3], ["pro", 5, 6]]);
});

Deno.test("the busiest are listed, with what they took and what was refused", async () => {
  await using it = await startOperated();
  for (let i = 0; i < 5; i++) await it.get("/a", ADDRESS);
  await it.get("/b", { "x-forwarded-for": "203.0.113.8" });
  const { document } = await it.admin("GET", "buckets");
  assertEquals(
    document.buckets.map((
      { who, limit, taken, refused, left }: Record<string, unknown>,
    ) => [who, limit, taken, refused, left]),
    [
      ["ip 203.0.113.7", "perClient", 3, 2, 0],
      ["ip 203.0.113.7", "perRoute", 3, 0, 7],
      ["ip 203.0.113.8", "perRoute", 1, 0, 9],
    ],
  );
});

Deno.test("a reset fills all buckets of somebody, or those of one limit or route", async () => {
  await using it = await startOperated();
  const empty = async () => {
    await it.admitted("/a", ADDRESS);
    await it.admitted("/b", ADDRESS);
  };
  await empty();
  const all = await it.admin("DELETE", "buckets?ip=203.0.113.7");
  assertEquals(all.document, { who: "ip 203.0.113.7", reset: 3 });
  assertEquals(await it.admitted("/a", ADDRESS), 3);

  await empty();
  assertEquals(
    (await it.admin("DELETE", "buckets?ip=203.0.113.7&limit=perRoute")).document.reset,
    2,
  );
  assertEquals(await it.admitted("/a", ADDRESS), 0);
  assertEquals(await it.admitted("/b", ADDRESS), 10);

  const one = await it.admin("DELETE", "buckets?ip=203.0.113.7&limit=perRoute&route=GET%20/b");
  assertEquals(one.document.reset, 1);
  assertEquals(await it.admitted("/b", ADDRESS), 10);
  assertEquals((await it.admin("DELETE", "buckets?ip=203.0.113.9")).document.reset, 0);
});

Deno.test("a reset is felt in another process within a second", async () => {
  await using here = await startOperated();
  await using there = await startOperated(OPERATED, here);
  assertEquals(await there.admitted("/a", ADDRESS), 3);
  await here.admin("DELETE", "buckets?ip=203.0.113.7");
  await here.clock.advance(1_000);
  assertEquals(await there.admitted("/a", ADDRESS), 3);
});

Deno.test("a banned address, range or client is refused everywhere, honestly, until it ends", async () => {
  await using here = await startOperated();
  await using there = await startOperated(OPERATED, here);
  const { document: { key } } = await here.admin("POST", "clients", { name: "mobile" });
  const subjects = [
    ["ip=203.0.113.7", ADDRESS],
    ["ip=203.0.113.0/24", { "x-forwarded-for": "203.0.113.200" }],
    ["ip=2001:db8:1:2::9", { "x-forwarded-for": "2001:db8:1:2:3::4" }],
    ["client=mobile", { "x-api-key": key, "x-forwarded-for": "198.51.100.1" }],
  ] as const;
  for (const [query, headers] of subjects) {
    const banned = await here.admin("PUT", `buckets/ban?${query}&for=90s&reason=floods`);
    assertEquals([banned.status, banned.document.seconds], [200, 90]);
    const refused = await here.get("/b", headers);
    assertEquals([refused.status, refused.headers.get("retry-after")], [429, "90"]);
    assertEquals(refused.document["violated-policies"], ["ban"]);
    assert(!JSON.stringify(refused.document).includes("floods"), "the note is the operator's");
    assertEquals((await here.get("/b")).status, 200, "nobody else is");
  }
  for (let i = 0; i < 10; i++) {
    await here.clock.advance(100);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  for (const [query, headers] of subjects) {
    const refused = await there.get("/b", headers);
    assertEquals([refused.status, refused.headers.get("retry-after")], [429, "89"], query);
  }
  const { document } = await there.admin("GET", "buckets/ban");
  assertEquals(document.total, 4);
  const { document: looked } = await there.admin("GET", "buckets?ip=203.0.113.7");
  assertEquals(looked.ban.reason, "floods");

  await here.clock.advance(89_000);
  for (const [query, headers] of subjects) {
    assertEquals((await here.get("/b", headers)).status, 200, query);
  }
  assertEquals((await there.admin("GET", "buckets/ban")).document.total, 0);
});

Deno.test("a ban survives a restart, is lifted at once, and is lifted once", async () => {
  await using before = await startOperated();
  await before.admin("PUT", "buckets/ban?ip=203.0.113.7&for=1h");
  await using it = await startOperated(OPERATED, before);
  assertEquals((await it.get("/b", ADDRESS)).status, 429);
  assertEquals((await it.admin("DELETE", "buckets/ban?ip=203.0.113.7")).document, {
    who: "ip 203.0.113.7",
    lifted: true,
  });
  assertEquals((await it.get("/b", ADDRESS)).status, 200);
  assertEquals((await it.admin("DELETE", "buckets/ban?ip=203.0.113.7")).document.lifted, false);
});

Deno.test("what is banned costs the limits nothing", async () => {
  await using it = await startOperated();
  await it.admin("PUT", "buckets/ban?ip=203.0.113.7&for=1h");
  for (let i = 0; i < 20; i++) await it.get("/a", ADDRESS);
  await it.admin("DELETE", "buckets/ban?ip=203.0.113.7");
  assertEquals(await it.admitted("/a", ADDRESS), 3);
});

Deno.test("a wrong request gets a problem that says what is right", async () => {
  await using it = await startOperated();
  const cases: [method: string, path: string, detail: RegExp][] = [
    ["GET", "buckets?ip=nobody", /ip must be one IP address/],
    ["GET", "buckets?ip=203.0.113.0/24", /ip must be one IP address/],
    [
      "GET",
      "buckets?ip=203.0.113.7&client=x",
      /exactly one of client=NAME, ip=ADDRESS, all, and header, claim, cookie, query or param/,
    ],
    [
      "GET",
      "buckets?limit=perClient",
      /exactly one of client=NAME, ip=ADDRESS, all, and header, claim, cookie, query or param/,
    ],
    ["GET", "buckets?address=203.0.113.7", /the parameters here are/],
    ["GET", "buckets?header=x-key", /header must be NAME:VALUE/],
    ["GET", "buckets?client=%00", /a client's name/],
    [
      "DELETE",
      "buckets",
      /exactly one of client=NAME, ip=ADDRESS, all, and header, claim, cookie, query or param/,
    ],
    ["DELETE", "buckets?ip=203.0.113.7&limit=perclient", /did you mean "?perClient/],
    ["DELETE", "buckets?ip=203.0.113.7&route=GET%20/c", /no such route/],
    ["PUT", "buckets/ban?ip=203.0.113.7", /for must be a duration such as 30s/],
    ["PUT", "buckets/ban?ip=203.0.113.7&for=0s", /for must be a duration/],
    ["PUT", "buckets/ban?ip=203.0.113.7&for=9000h", /for must be a duration/],
    ["PUT", "buckets/ban?ip=0.0.0.0/0&for=1h", /no wider than \/8/],
    ["PUT", "buckets/ban?for=1h", /exactly one of client=NAME, ip=ADDRESS and ip=RANGE/],
    [
      "PUT",
      "buckets/ban?ip=203.0.113.7&client=x&for=1h",
      /exactly one of client=NAME, ip=ADDRESS and ip=RANGE/,
    ],
    ["PUT", "buckets/ban?client=x&for=1h&reason=a%0Ab", /reason must have/],
    ["DELETE", "buckets/ban", /exactly one of client=NAME, ip=ADDRESS and ip=RANGE/],
    ["GET", "buckets/ban?limit=1001", /limit must be/],
  ];
  for (const [method, path, detail] of cases) {
    const told = await it.admin(method, path);
    assertEquals(told.status, 400, `${method} ${path}: ${JSON.stringify(told.document)}`);
    assertMatch(told.document.detail, detail);
  }
  assertEquals((await it.admin("GET", "buckets/ban")).document.total, 0);
});

Deno.test("a bucket of a header is found by the header's value, which is never shown", async () => {
  await using it = await startOperated({
    ...OPERATED,
    limits: { it: { rate: "1/min", burst: 2, by: "header:x-client" } },
    routes: { "GET /a": { limit: "it", gather: { it: { from: "it" } } } },
  });
  await it.get("/a", { "x-client": "secret: value" });
  const query = `buckets?header=${encodeURIComponent("X-Client:secret: value")}`;
  const { document } = await it.admin("GET", query);
  assertEquals(document.buckets.map(({ left }: { left: number }) => left), [1]);
  const all = JSON.stringify([document, (await it.admin("GET", "buckets")).document]);
  assert(!all.includes("secret"), all);
});
