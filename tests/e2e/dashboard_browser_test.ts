import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Browser, chromium, type Page } from "playwright-core";
import { systemClock as clock } from "../../lib/core/clock.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { json } from "../../lib/json/json_reply.ts";
import { Traffic } from "../../lib/observe/traffic.ts";
import { kvOperator } from "../../lib/operator/kv_operator.ts";
import { startGateway } from "../support/gateway.ts";
import { barriers, findChromium } from "../support/browser.ts";
import { testGuard } from "../support/test_guard.ts";

const TOKEN = "the operator's own token";
const VIEWS = ["upstreams", "routes", "requests", "clients", "cache"];
/** Longer than anything on a page takes to show (ms). */
const SHOWS_MS = 10_000;

const executablePath = await findChromium();

/** A browser on the dashboard of a gateway under traffic, one of whose upstreams can be made to fail. */
interface Browsed extends AsyncDisposable {
  readonly browser: Browser;
  readonly page: Page;
  readonly url: string;
  /** What the browser complained about, and what it loaded from elsewhere. */
  readonly complaints: string[];
  /** Sends requests to all routes. */
  readonly send: (times: number) => Promise<void>;
  /** The status for a client. */
  readonly statusFor: (key: string) => Promise<number>;
  isFailing: boolean;
}

async function open(executablePath: string): Promise<Browsed> {
  const kv = await Deno.openKv(":memory:");
  const operator = kvOperator(kv, { clock, guard: testGuard({ clock }), onError: () => {} });
  const fail = () => Promise.reject(new GatewayError("upstream-unreachable", "it is down"));
  const gateway = startGateway({
    upstreams: {
      users: { source: () => Promise.resolve(json({ id: 7 })), cache: { ttl: "1m" } },
      orders: {
        source: () => browsed.isFailing ? fail() : Promise.resolve(json([1])),
        breaker: {},
        retry: { attempts: 2, backoff: "1ms" },
      },
    },
    clients: { key: "header:x-api-key", known: { mobile: { env: "KEY" }, web: { env: "WEB" } } },
    limits: { perClient: { rate: "1/min", burst: 1_000 } },
    routes: {
      "GET /home/:id": {
        limit: "perClient",
        gather: {
          profile: { from: "users", path: "/users/{id}" },
          orders: { from: "orders", path: "/orders/{profile.id}" },
        },
      },
      "ANY /users/*": { forward: "users" },
    },
  }, {
    operator,
    traffic: new Traffic(),
    adminToken: TOKEN,
    env: { KEY: "the key of mobile", WEB: "the key of web" },
  });
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(SHOWS_MS);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== gateway.url) complaints.push(`loads ${request.url()}`);
  });
  const statusFor = async (key: string) => {
    const response = await fetch(`${gateway.url}/home/7`, { headers: { "x-api-key": key } });
    await response.body?.cancel();
    return response.status;
  };
  const browsed: Browsed = {
    browser,
    page,
    url: gateway.url,
    complaints,
    isFailing: false,
    statusFor,
    async send(times) {
      for (let count = 0; count < times; count++) {
        await statusFor("the key of mobile");
        await (await fetch(`${gateway.url}/users/7`)).text();
      }
    },
    async [Symbol.asyncDispose]() {
      await browser.close();
      gateway.shutdown.begin(0);
      await gateway[Symbol.asyncDispose]();
      kv.close();
    },
  };
  return browsed;
}

async function signIn({ page, url }: Browsed): Promise<void> {
  await page.goto(`${url}/_gateway/`);
  await page.getByLabel("Operator token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
}

/** What someone does at night: looks at traffic, finds a fault and its cause, keeps a client out. */
async function operate(it: Browsed): Promise<void> {
  const { page, url } = it;
  await signIn(it);
  await it.send(20);
  await page.getByText("Nothing: all breakers are closed").waitFor();
  await page.getByRole("row", { name: /GET \/home\/:id/ }).waitFor();
  await page.locator("#rates canvas").waitFor();

  // A fault is seen without reloading.
  it.isFailing = true;
  await it.send(30);
  await page.getByText(/Upstream orders: circuit breaker open/).waitFor();
  await page.getByText(/Route GET \/home\/:id: .* of its requests fail/).waitFor();
  await page.getByRole("link", { name: "Upstreams", exact: true }).click();
  await page.locator("#upstream-orders").getByText("Breaker open").waitFor();
  await page.getByRole("link", { name: "Routes", exact: true }).click();
  await page.locator(".graph rect.bad").first().waitFor();

  // What the failed requests did.
  await page.getByRole("link", { name: "Requests", exact: true }).click();
  await page.getByLabel("Show").selectOption("failed");
  await page.getByRole("button", { name: "Filter" }).click();
  await page.getByRole("button", { name: "Pause" }).click();
  const retried = page.getByRole("row", { name: /1 retry/ }).last();
  await retried.getByRole("link").click();
  await page.getByRole("heading", { name: "Waterfall" }).waitFor();
  const waterfall = page.locator("table.waterfall");
  for (
    const line of [/profile .*cache hit/, /attempt 2 to orders .*unreachable/, /before a retry/]
  ) {
    await waterfall.getByRole("row", { name: line }).first().waitFor();
  }
  const id = await page.locator("dd").first().innerText();
  await page.goto(`${url}/_gateway/dashboard/requests`);
  await page.getByLabel("Request id").fill(id);
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByText(id).waitFor();

  // A client is kept out, and let in again.
  it.isFailing = false;
  await page.getByRole("link", { name: "Clients", exact: true }).click();
  const bucket = page.getByRole("row", { name: /client mobile/ });
  await bucket.getByRole("button", { name: "Block 10 min" }).click();
  await page.getByRole("button", { name: "Unblock client mobile" }).waitFor();
  assertEquals(await it.statusFor("the key of mobile"), 429);
  assert(await it.statusFor("the key of web") !== 429);
  await page.getByRole("button", { name: "Unblock client mobile" }).click();
  await page.getByText("Nobody is blocked.").waitFor();
  assert(await it.statusFor("the key of mobile") !== 429);

  assertEquals(it.complaints, []);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Operator token").waitFor();
  await page.goto(`${url}/_gateway/dashboard/cache`);
  assertMatch(page.url(), /login\?next=/);
  assertEquals(it.complaints, []);
}

/** Looks at each page in light and dark, and on a phone. */
async function inspect(it: Browsed): Promise<void> {
  const { page, url } = it;
  assertEquals(await barriers(page), [], "login");
  await signIn(it);
  await it.send(5);
  it.isFailing = true;
  await it.send(5);
  await page.goto(`${url}/_gateway/dashboard/requests?show=failed`);
  const failed = await page.locator("table.requests a").first().getAttribute("href");
  const paths = [
    "/_gateway/",
    ...VIEWS.map((view) => `/_gateway/dashboard/${view}`),
    failed ?? "",
  ];
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    for (const path of paths) {
      await page.goto(url + path);
      const rules = colorScheme === "dark" ? ["color-contrast"] : undefined;
      assertEquals(await barriers(page, rules), [], `${path} ${colorScheme}`);
    }
  }
  await page.setViewportSize({ width: 360, height: 740 });
  for (const path of paths) {
    await page.goto(url + path);
    const width = await page.evaluate("document.documentElement.scrollWidth");
    assertEquals(width, 360, `${path} is as wide as the phone`);
  }
  assertEquals(it.complaints, []);
}

Deno.test({
  name: "dashboard in a browser",
  // Without Chromium (Debian's package chromium) this is skipped.
  ignore: executablePath === undefined,
  async fn(t) {
    await using it = await open(executablePath ?? "");
    await t.step("traffic, a fault, its waterfall, a client blocked and freed", () => operate(it));
    await t.step("light, dark, on a phone: nothing bars anyone, nor is cut off", () => inspect(it));
  },
});
