import { defineGateway } from "sluice";
import config from "../gateway.config.ts";

/** The demo's config with its samples at other ports, which `deno task dev` puts into variables. */
export default defineGateway({
  ...config,
  upstreams: {
    countries: { url: { env: "COUNTRIES_URL" }, timeout: "1s" },
    holidays: { url: { env: "HOLIDAYS_URL" }, timeout: "1s" },
    timeZones: { url: { env: "TIME_ZONES_URL" }, timeout: "1s" },
  },
});
