import { assert, assertEquals, assertMatch } from "@std/assert";
import { Traffic } from "../../lib/observe/traffic.ts";
import { kvOperator } from "../../lib/operator/kv_operator.ts";
import { systemClock } from "../../lib/core/clock.ts";
import { json } from "../../lib/json/json_reply.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { DASHBOARD_ROUTES } from "../../routes/dashboard/mount.ts";
import { startGateway, type TestGateway, type TestGatewayOptions } from "../support/gateway.ts";
import { ManualClock } from "../support/manual_clock.ts";
import { rawRequest } from "../support/raw_request.ts";
import { testGuard } from "../support/test_guard.ts";

const TOKEN = "the operator's own token";
const PAGES = DASHBOARD_ROUTES.map(({ path }) => path).filter((path) =>
  !/live|assets|log(?:in|out)|:id/.test(path)
);

/** A response, read. */
interface Browsed {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

interface Dashboard extends AsyncDisposable {
  readonly gateway: TestGateway;
  /** Requests as a browser does. */
  readonly browse: (path: string, init?: RequestInit) => Promise<Browsed>;
  /** Signs in; returns the cookie. */
  readonly signIn: (token?: string) => Promise<{ status: number; cookie: string; text: string }>;
}

async function start(options: TestGatewayOptions = { adminToken: TOKEN }): Promise<Dashboard> {
  const clock = options.clock ?? systemClock;
  const kv = await Deno.openKv(":memory:");
  const operator = kvOperator(kv, { clock, guard: testGuard({ clock }), onError: () => {} });
  const gateway = startGateway({
    upstreams: {
      fine: { source: () => Promise.resolve(json(1)), breaker: {}, cache: { ttl: "1m" } },
      bad: { source: () => Promise.reject(new GatewayError("upstream-error", "no")) },
    },
    limits: { it: { rate: "1/min", burst: 100 } },
    routes: {
      "GET /fine": { limit: "it", gather: { it: { from: "fine" } } },
      "GET /bad": {
        gather: { first: { from: "fine" }, second: { from: "bad", params: { a: "{first}" } } },
      },
    },
  }, { traffic: new Traffic(), ...options, operator });
  const browse: Dashboard["browse"] = async (path, { headers, ...init } = {}) => {
    const response = await fetch(gateway.url + path, {
      redirect: "manual",
      ...init,
      headers: { accept: "text/html", "sec-fetch-site": "same-origin", ...headers },
    });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  return {
    gateway,
    browse,
    async signIn(token = TOKEN) {
      const response = await browse("/_gateway/dashboard/login", {
        method: "POST",
        headers: { origin: gateway.url },
        body: new URLSearchParams({ token, next: "/_gateway/dashboard/routes" }),
      });
      const { status, headers, text } = response;
      const [cookie = ""] = (headers.get("set-cookie") ?? "").split(";");
      return { status, cookie, text };
    },
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      kv.close();
    },
  };
}

function textOf({ status, text }: Browsed): string {
  assertEquals(status, 200, text);
  return text;
}

Deno.test("dashboard: each page shows the current figures without JavaScript, isolated from others", async () => {
  await using it = await start({});
  await (await fetch(`${it.gateway.url}/fine`)).text();
  const { headers } = await fetch(`${it.gateway.url}/bad`).then(async (response) => {
    await response.text();
    return response;
  });
  const reason = encodeURIComponent("<i>x");
  await (await fetch(
    `${it.gateway.url}/_gateway/buckets/ban?ip=192.0.2.1&for=10m&reason=${reason}`,
    {
      method: "PUT",
      headers: { "x-gateway-operator": "1" },
    },
  )).text();
  const shown = new Map<string, string>();
  for (const path of PAGES) {
    const response = await it.browse(path);
    const text = textOf(response);
    shown.set(path.split("/").at(-1) ?? "", text);
    const policy = response.headers.get("content-security-policy") ?? "";
    assertMatch(policy, /^default-src 'none'; script-src 'self'; /);
    assertMatch(policy, /frame-ancestors 'none'$/);
    assertEquals(response.headers.get("cache-control"), "no-store");
    assertEquals(response.headers.get("cross-origin-resource-policy"), "same-origin");
    assert(!/<script[^>]*>[^<]|\son\w+=|\sstyle=/.test(text), "no inline script, no inline style");
    assert(!/(?:src|href)="(?!\/_gateway\/|#)/.test(text), "nothing from elsewhere");
  }
  assertMatch(shown.get("") ?? "", /GET \/bad: 100 % of its requests fail|GET \/bad/);
  assertMatch(
    shown.get("upstreams") ?? "",
    /bad.*Breaker closed|Breaker closed.*bad/s,
  );
  assertMatch(shown.get("routes") ?? "", /second calls bad after first, required, median/);
  assertMatch(shown.get("requests") ?? "", /upstream-error · failed: second/);
  assertMatch(shown.get("clients") ?? "", /&lt;i&gt;x.*ip 127\.0\.0\.1.*of 100/s);
  assertMatch(shown.get("cache") ?? "", /Stored responses<\/dt><dd class="value">1</);
  const id = headers.get("x-request-id") ?? "";
  const found = await it.browse(`/_gateway/dashboard/requests/find?id=${id}`);
  assertEquals(found.headers.get("location"), `/_gateway/dashboard/requests/${id}`);
  const waterfall = textOf(await it.browse(`/_gateway/dashboard/requests/${id}`));
  assertMatch(waterfall, /first.*attempt 1 to fine|first.*cache hit/s);
  assertMatch(waterfall, /attempt 1 to bad/);
  assertEquals((await it.browse("/_gateway/dashboard/requests/other")).status, 404);
});

Deno.test("dashboard: files have an ETag, and are not sent again", async () => {
  await using it = await start();
  for (const file of ["dashboard.css", "dashboard.js", "icon.svg", "morphdom.js", "uplot.js"]) {
    const path = `/_gateway/dashboard/assets/${file}`;
    const response = await it.browse(path);
    const etag = response.headers.get("etag") ?? "";
    assert(textOf(response).length > 100, file);
    const again = await it.browse(path, { headers: { "if-none-match": etag } });
    assertEquals([again.status, again.text], [304, ""], file);
  }
  const response = await it.browse("/_gateway/dashboard/assets/other.js");
  assertEquals(response.status, 404);
});

Deno.test("dashboard: the token is entered once, and opens pages and the operator API until signing out", async () => {
  await using it = await start();
  const first = await it.browse("/_gateway/dashboard/routes?route=a");
  assertEquals(first.status, 303);
  const login = "/_gateway/dashboard/login?next=%2F_gateway%2Fdashboard%2Froutes%3Froute%3Da";
  assertEquals(first.headers.get("location"), login);
  const form = textOf(await it.browse(login));
  assertMatch(form, /name="next" value="\/_gateway\/dashboard\/routes\?route=a"/);
  const { status, cookie } = await it.signIn();
  assertEquals(status, 303);
  assert(!cookie.includes(TOKEN));
  const headers = { cookie };
  for (const path of PAGES) textOf(await it.browse(path, { headers }));
  const blocked = "/_gateway/buckets/ban?ip=192.0.2.1&for=10m";
  const ours = { ...headers, origin: it.gateway.url, "x-gateway-operator": "1" };
  assertEquals((await it.browse(blocked, { method: "PUT", headers: ours })).status, 200);

  const out = await it.browse("/_gateway/dashboard/logout", { method: "POST", headers: ours });
  assertEquals(out.status, 303);
  assertMatch(
    out.headers.get("set-cookie") ?? "",
    /^sluice_session=; Path=\/_gateway\/; Max-Age=0/,
  );
  assertEquals((await it.browse("/_gateway/", { headers })).status, 303, "the session has ended");
  assertEquals(
    (await it.browse("/_gateway/cache", { headers: { ...headers, accept: "*/*" } })).status,
    401,
  );
});

Deno.test("dashboard: the cookie is for this origin, its own path, and HTTP alone", async () => {
  await using it = await start();
  const attributes = async (origin: string) => {
    const response = await it.browse("/_gateway/dashboard/login", {
      method: "POST",
      headers: { origin, host: "gateway.example" },
      body: new URLSearchParams({ token: TOKEN }),
    });
    return (response.headers.get("set-cookie") ?? "").split("; ").slice(1);
  };
  const all = ["Path=/_gateway/", "Max-Age=43200", "HttpOnly", "SameSite=Strict"];
  assertEquals(await attributes(it.gateway.url), all);
  // Behind a proxy that takes TLS off.
  assertEquals(await attributes(it.gateway.url.replace("http:", "https:")), [...all, "Secure"]);
});

Deno.test("dashboard: what is not a session opens nothing", async () => {
  const clock = new ManualClock();
  await using it = await start({ adminToken: TOKEN, clock });
  const { cookie } = await it.signIn();
  const [, until = "", nonce = "", mac = ""] = /=(\d+)\.([^.]+)\.(.+)$/.exec(cookie) ?? [];
  const isOpen = async (value: string) => {
    const headers = { cookie: value, accept: "*/*" };
    return (await it.browse("/_gateway/upstreams", { headers })).status === 200;
  };
  assert(await isOpen(cookie));
  assert(await isOpen(`a=b; ${cookie}; c=d`));
  const wrong = [
    "",
    "sluice_session=",
    `sluice_session=${TOKEN}`,
    `sluice_session=${Number(until) + 1}.${nonce}.${mac}`,
    `sluice_session=${until}.${nonce.replace(/^./, (a) => a === "A" ? "B" : "A")}.${mac}`,
    `sluice_session=${until}.${nonce}.${mac.replace(/^./, (a) => a === "A" ? "B" : "A")}`,
    `x${cookie}`,
    `${cookie}x`,
  ];
  for (const value of wrong) assertEquals(await isOpen(value), false, value);
  await using other = await start({ adminToken: "another token", clock });
  const response = await other.browse("/_gateway/upstreams", {
    headers: { cookie, accept: "*/*" },
  });
  assertEquals(response.status, 401, "the token of another gateway");
  await clock.advance(12 * 3_600_000 - 1);
  assert(await isOpen(cookie));
  await clock.advance(1);
  assertEquals(await isOpen(cookie), false, "it has expired");
});

Deno.test("dashboard: a wrong token is refused, and may not be tried again and again", async () => {
  const clock = new ManualClock();
  await using it = await start({ adminToken: TOKEN, clock });
  for (let attempt = 0; attempt < 5; attempt++) {
    const { status, cookie, text } = await it.signIn("wrong");
    assertEquals([status, cookie], [401, ""]);
    assertMatch(text, /The token is wrong/);
  }
  assertEquals((await it.signIn()).status, 429, "not even the right one");
  await clock.advance(60_000);
  assertEquals((await it.signIn()).status, 303);
});

Deno.test("dashboard: a page of another origin changes nothing, even in a session", async () => {
  await using it = await start();
  const { cookie } = await it.signIn();
  const { host } = new URL(it.gateway.url);
  const head = (lines: readonly string[], method: string, path: string) =>
    [
      `${method} ${path} HTTP/1.1`,
      `Host: ${host}`,
      "Connection: close",
      "Content-Length: 0",
      ...lines,
    ]
      .join("\r\n") + "\r\n\r\n";
  const session = `Cookie: ${cookie}`;
  const ours = "X-Gateway-Operator: 1";
  const changes: [method: string, path: string][] = [
    ["PUT", "/_gateway/buckets/ban?ip=192.0.2.1&for=10m"],
    ["DELETE", "/_gateway/buckets?all"],
    ["DELETE", "/_gateway/cache?all"],
    ["POST", "/_gateway/dashboard/login"],
    ["POST", "/_gateway/dashboard/logout"],
  ];
  const foreign = [
    [session, ours],
    [session, ours, "Origin: https://evil.example"],
    [session, ours, "Origin: null"],
    [session, ours, `Origin: https://${host}`],
    [session, ours, "Sec-Fetch-Site: same-site"],
    [session, ours, `Origin: http://${host}`, "Sec-Fetch-Site: cross-site"],
    [session, ours, "Origin: https://evil.example", "Sec-Fetch-Site: same-origin"],
  ];
  for (const [method, path] of changes) {
    for (const lines of foreign) {
      const { status } = await rawRequest(it.gateway.port, head(lines, method, path));
      assertEquals(status, 403, `${method} ${path} ${lines.join(", ")}`);
    }
  }
  for (const { method, path } of DASHBOARD_ROUTES) {
    if (method !== "GET" || path.includes("assets")) continue;
    const lines = [session, "Sec-Fetch-Site: cross-site"];
    const { status } = await rawRequest(it.gateway.port, head(lines, "GET", path));
    assertEquals(status, 403, `GET ${path}`);
  }
});

Deno.test("dashboard: without a token the login leads to the dashboard, for this machine alone", async () => {
  await using it = await start({});
  const response = await it.browse("/_gateway/dashboard/login?next=//evil.example/");
  assertEquals([response.status, response.headers.get("location")], [303, "/_gateway/"]);
  const foreign = { headers: { "x-forwarded-for": "192.0.2.1" } };
  assertEquals((await it.browse("/_gateway/dashboard/login", foreign)).status, 401);
  assertEquals((await it.browse("/_gateway/", foreign)).status, 401);
  const sent = await it.signIn();
  assertEquals([sent.status, sent.cookie], [403, ""]);
});

Deno.test("dashboard: a stream sends what has changed, the same for all, and ends with the gateway", async () => {
  const clock = new ManualClock();
  await using it = await start({ clock });
  const open = async () => {
    const response = await fetch(`${it.gateway.url}/_gateway/dashboard/live/overview`);
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    return {
      /** Reads until it has so many events; returns the last. */
      async events(count: number): Promise<string> {
        for (;;) {
          const events = text.match(/^data: .*$/gm) ?? [];
          if (events.length >= count) return events.at(-1) ?? "";
          const read = await reader?.read();
          if (!read || read.done) throw new Error(`the stream ended: ${text}`);
          text += read.value;
        }
      },
      async rest(): Promise<void> {
        while (!(await reader?.read())?.done);
      },
    };
  };
  const one = await open();
  assertMatch(await one.events(1), /Needs attention/);
  const two = await open();
  await (await fetch(`${it.gateway.url}/fine`)).text();
  await clock.advance(1_000);
  const second = await one.events(2);
  assertMatch(second, /GET \/fine/);
  assertEquals(await two.events(1), second);
  it.gateway.shutdown.begin(0);
  await Promise.all([one.rest(), two.rest()]);
  assertEquals((await it.browse("/_gateway/dashboard/live/overview")).status, 503);
});
