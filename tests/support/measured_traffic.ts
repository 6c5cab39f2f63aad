import { upstreamFailure, UpstreamFault } from "../../lib/core/upstream_fault.ts";
import type { Call } from "../../lib/core/source.ts";
import { json } from "../../lib/json/json_reply.ts";
import { startMeasured } from "./measured.ts";
import { startServer } from "./server.ts";

/** What is planted wherever a client or a config can put something: no metric may show it. */
export const PLANTED = "planted-53cr37";

/** A gateway that has had requests of every kind, so that each of its metrics has a value. */
export async function startBusy() {
  const server = startServer(() => Response.json({ ok: true }));
  const counts = new Map<string, number>();
  /** Fails as often as the path says, then succeeds. */
  const flaky = ({ path }: Call) => {
    const count = (counts.get(path) ?? 0) + 1;
    counts.set(path, count);
    if (path.includes("/refused")) {
      const fault = new UpstreamFault("refused", `connection refused ${PLANTED}`);
      return Promise.reject(upstreamFailure(fault));
    }
    if (path.includes("/broken") && count === 1) return Promise.resolve(json({}, 503));
    if (path.includes("/status")) return Promise.resolve(json({ PLANTED }, 418));
    return Promise.resolve(json({ secret: PLANTED }));
  };
  let slow = 0;
  const first: PromiseWithResolvers<never> = Promise.withResolvers();
  const measured = startMeasured({
    upstreams: {
      flaky: {
        source: flaky,
        retry: { attempts: 2, backoff: "1ms" },
        breaker: {},
        concurrency: { max: 4, queue: 4 },
      },
      slow: {
        source: (_call: Call, { signal }: { signal: AbortSignal }) => {
          if (slow++ > 0) return Promise.resolve(json({}));
          signal.addEventListener("abort", () => first.reject(signal.reason), { once: true });
          return first.promise;
        },
        hedge: { after: "1ms", share: 1 },
      },
      several: {
        urls: [server.url, server.url.replace("127.0.0.1", "localhost")],
        headers: { "x-key": { env: "KEY" } },
      },
    },
    limits: { few: { rate: "1/h", burst: 2, by: "header:x-user" } },
    routes: {
      "GET /things/:id": {
        gather: {
          it: { from: "flaky", path: "/{id}" },
          more: { from: "flaky", path: "/refused/{id}", optional: true },
        },
      },
      "GET /hedged": { gather: { it: { from: "slow" } } },
      "GET /cached/:id": {
        gather: { it: { from: "several", path: "/{id}", cache: { ttl: "1m" } } },
        cache: { ttl: "1m" },
      },
      "GET /limited": { gather: { it: { from: "flaky", path: "/limited" } }, limit: "few" },
      "ANY /files/*": { forward: "several" },
      "POST /batch": { batch: { max: 4 } },
    },
  }, { env: { KEY: PLANTED } });
  const { send } = measured;
  const headers = {
    "x-user": PLANTED,
    "x-request-id": PLANTED,
    cookie: PLANTED,
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
  };
  await send(`/things/${PLANTED}?q=${PLANTED}`, { headers });
  await send(`/things/broken-${PLANTED}`, { headers });
  await send("/hedged");
  for (let times = 0; times < 2; times++) await send(`/cached/${PLANTED}`);
  for (let times = 0; times < 3; times++) await send("/limited", { headers });
  await send(`/files/${PLANTED}`, { method: "POST", body: PLANTED, headers });
  await send(`/${PLANTED}`, { method: PLANTED.toUpperCase() });
  const requests = [{ path: `/things/${PLANTED}` }, { path: `/${PLANTED}` }];
  await send("/batch", {
    method: "POST",
    body: JSON.stringify({ requests }),
    headers: { ...headers, "content-type": "application/json" },
  });
  return {
    ...measured,
    async [Symbol.asyncDispose]() {
      await measured[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
