import { defineGateway } from "sluice";

export default defineGateway({
  store: "./data/gateway.kv",
  upstreams: {
    countries: { url: "http://127.0.0.1:9001", timeout: "1s", retry: { attempts: 2 } },
    holidays: { url: "http://127.0.0.1:9002", timeout: "1s" },
    timeZones: { url: "http://127.0.0.1:9003", timeout: "1s", cache: { ttl: "20s" } },
    mirror: { url: "http://127.0.0.1:9004", timeout: "1s" }, // of the countries
  },
  // Clients with a key have a tier; the others are counted by address.
  clients: { key: "header:x-api-key", known: "kv" },
  limits: {
    perClient: {
      rate: "20/min",
      burst: 10,
      tiers: { partner: { rate: "600/min", burst: 100 } },
    },
  },
  routes: {
    // A country on one page. The country is required; the page also works without its holidays. A
    // client that accepts text/event-stream or application/x-ndjson gets each part as it completes.
    "GET /country/:code": {
      limit: "perClient",
      deadline: "3s",
      gather: {
        country: { from: "countries", path: "/countries/{code}" },
        neighbours: {
          from: "countries",
          path: "/countries/{item}",
          each: "{country.borders}",
          pick: ["name", "flag"],
          optional: true,
        },
        holidays: { from: "holidays", path: "/holidays/{code}{?query.year}", optional: true },
        timeZones: { from: "timeZones", path: "/time-zones/{code}", otherwise: [] },
      },
    },
    // A race: the first of two copies that succeeds, so that either of them may fail.
    "GET /flag/:code": {
      first: {
        countries: { from: "countries", path: "/countries/{code}", pick: ["name", "flag"] },
        mirror: { from: "mirror", path: "/countries/{code}", pick: ["name", "flag"] },
      },
    },
    // The countries API, proxied under /api and cached for a minute.
    "ANY /api/*": { forward: { to: "countries", strip: "/api" }, cache: { ttl: "1m" } },
  },
});
