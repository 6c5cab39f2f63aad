import { defineGateway, type Upstream } from "sluice";
import config from "../../gateway.config.ts";

/** The variable that says where a sample listens (see variables.ts), by where it does by default. */
const SAMPLES: Readonly<Record<string, string>> = {
  "http://127.0.0.1:9001": "COUNTRIES_URL",
  "http://127.0.0.1:9002": "HOLIDAYS_URL",
  "http://127.0.0.1:9003": "TIME_ZONES_URL",
  "http://127.0.0.1:9004": "MIRROR_URL",
};

function whereItListens(upstream: Upstream): Upstream {
  if (!("url" in upstream) || typeof upstream.url !== "string") return upstream;
  const env = SAMPLES[upstream.url];
  return env === undefined ? upstream : { ...upstream, url: { env } };
}

const upstreams = Object.entries(config.upstreams)
  .map(([name, upstream]) => [name, whereItListens(upstream)] as const);

/** The gateway's own config, and the page that `deno task dev` shows at `/`. */
export default defineGateway({
  ...config,
  upstreams: { ...Object.fromEntries(upstreams), demoPage: { url: { env: "DEMO_PAGE_URL" } } },
  routes: {
    "GET /": { forward: "demoPage" },
    "ANY /_demo/*": { forward: "demoPage" },
    ...config.routes,
  },
});
