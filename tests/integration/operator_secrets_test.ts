import { assert, assertEquals } from "@std/assert";
import { systemClock as clock } from "../../lib/core/clock.ts";
import { parseConfig } from "../../lib/config/parse.ts";
import { Traffic } from "../../lib/observe/traffic.ts";
import { kvOperator } from "../../lib/operator/kv_operator.ts";
import { KINDS } from "../../lib/core/errors.ts";
import { Metrics } from "../../lib/observe/metrics/metrics.ts";
import { describe } from "../../lib/upstream/describe.ts";
import { startGateway } from "../support/gateway.ts";
import { operatorRequests } from "../support/operator_requests.ts";
import { testGuard } from "../support/test_guard.ts";
import { refusingUrl, startUpstream } from "../support/upstream.ts";

/** Each place where a secret may be, with what is planted there. */
const SECRETS = {
  adminToken: "planted-admin-token",
  upstreamHeader: "planted-upstream-header",
  partHeader: "planted-part-header",
  clientKey: "planted-client-key",
  unknownKey: "planted-unknown-key",
  authorization: "planted-authorization",
  cookie: "planted-cookie",
  upstreamError: "planted-upstream-error",
} as const;

/** How much of an endless response is read (ms). */
const READ_MS = 300;

/** The head and the body of a response, of an endless one what comes at once. */
async function readAll(url: string, init: RequestInit): Promise<{ status: number; text: string }> {
  const response = await fetch(url, { ...init, redirect: "manual" });
  let text = JSON.stringify([...response.headers]);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), READ_MS);
  });
  for (;;) {
    const read = await Promise.race([reader?.read(), late]);
    if (read === undefined || read.done) break;
    text += read.value;
  }
  clearTimeout(timer);
  await reader?.cancel();
  return { status: response.status, text };
}

Deno.test("secrets that are planted everywhere appear in no page, document, error or log", async () => {
  let isSent = 0;
  await using upstream = startUpstream((request) => {
    const sent = JSON.stringify([...request.headers]);
    if (sent.includes(SECRETS.upstreamHeader)) isSent++;
    const isFine = new URL(request.url).pathname.endsWith("/fine");
    return isFine ? Response.json({ fine: true }) : Response.json(
      { no: SECRETS.upstreamError },
      { status: 500, headers: { "set-cookie": SECRETS.upstreamError } },
    );
  });
  const kv = await Deno.openKv(":memory:");
  using _closing = { [Symbol.dispose]: () => kv.close() };
  const operator = kvOperator(kv, { clock, guard: testGuard({ clock }), onError: () => {} });
  const part = (path: `/${string}`) => ({
    from: "up",
    path,
    headers: { "x-part": SECRETS.partHeader, cookie: "{header.cookie}" },
  });
  const config = {
    upstreams: {
      up: {
        url: upstream.url,
        headers: { authorization: { env: "TOKEN" } },
        retry: {},
        breaker: {},
      },
      gone: { url: refusingUrl(), headers: { "x-key": { env: "TOKEN" } } },
    },
    clients: { key: "header:x-api-key", known: { mobile: { env: "KEY" } } },
    limits: { it: { rate: "1/min", burst: 100, by: ["client", "header:authorization", "ip"] } },
    routes: {
      "GET /fine": { limit: "it", cache: { ttl: "1m" }, gather: { a: part("/fine") } },
      "GET /failing": { limit: "it", gather: { a: part("/failing") } },
      "GET /gone": { gather: { a: { from: "gone" } } },
      "ANY /f/*": { forward: "gone" },
    },
  } as const;
  const env = { TOKEN: SECRETS.upstreamHeader, KEY: SECRETS.clientKey };
  await using gateway = startGateway(config, {
    operator,
    metrics: new Metrics(),
    traffic: new Traffic(),
    adminToken: SECRETS.adminToken,
    env,
  });

  const sent: [header: string, value: string][] = [
    ["x-api-key", SECRETS.clientKey],
    ["x-api-key", SECRETS.unknownKey],
    ["authorization", `Bearer ${SECRETS.authorization}`],
    ["cookie", `it=${SECRETS.cookie}`],
  ];
  const told: [what: string, text: string][] = [];
  for (const path of ["/fine", "/fine", "/failing", "/gone", "/f/x", "/nowhere", "/%"]) {
    for (const [name, value] of sent) {
      const { text } = await readAll(gateway.url + path, { headers: { [name]: value } });
      told.push([`GET ${path} with ${name}`, text]);
    }
  }
  assert(isSent > 0, "the upstream gets its secret");

  const bearer = { authorization: `Bearer ${SECRETS.adminToken}` };
  const json = { "content-type": "application/json" };
  const asked = [
    ...operatorRequests(),
    { method: "GET", target: "/_gateway/buckets?header=authorization:x", body: undefined },
    { method: "GET", target: "/_gateway/explain?route=GET%20/fine", body: undefined },
    { method: "GET", target: "/_gateway/explain?route=GET%20/f/x", body: undefined },
    { method: "GET", target: "/_gateway/health/ready", body: undefined },
    { method: "GET", target: "/_gateway/dashboard/login", body: undefined },
    ...gateway.log.map(({ id }) => (
      { method: "GET", target: `/_gateway/dashboard/requests/${id}`, body: undefined }
    )),
    ...["GET /fine", "GET /failing", "GET /gone"].map((route) => (
      { method: "POST", target: "/_gateway/rehearse", body: JSON.stringify({ route }) }
    )),
    ...Object.keys(KINDS).map((kind) => (
      { method: "GET", target: `/_gateway/problems/${kind}`, body: undefined }
    )),
  ];
  for (const { method, target, body } of asked) {
    for (const headers of [bearer, { authorization: `Bearer ${SECRETS.unknownKey}` }]) {
      const { text } = await readAll(gateway.url + target, {
        method,
        headers: { ...json, ...headers, cookie: SECRETS.cookie },
        ...(body !== undefined && { body }),
      });
      told.push([`${method} ${target}`, text]);
    }
  }
  const settings = parseConfig(config, (name) => name === "KEY" ? env.KEY : env.TOKEN);
  told.push(["--check", describe(settings)]);
  const { log, faults, errors } = gateway;
  const printed = Deno.inspect({ log, faults, errors }, { depth: 20, iterableLimit: Infinity });
  assert(log.length > 0 && faults.length > 0);
  told.push(["the log", printed]);
  for (const [what, text] of told) {
    const found = Object.entries(SECRETS).filter(([, secret]) => text.includes(secret));
    assertEquals(found, [], `${what}: ${text}`);
  }
});
