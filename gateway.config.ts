import { defineGateway } from "sluice";

export default defineGateway({
  store: "./data/gateway.kv",
  upstreams: {
    countries: { url: "http://127.0.0.1:9001", timeout: "1s" },
    holidays: { url: "http://127.0.0.1:9002", timeout: "1s" },
    timeZones: { url: "http://127.0.0.1:9003", timeout: "1s" },
  },
  routes: {
    // A country on one page. The country is required; the page also works without its holidays.
    "GET /country/:code": {
      deadline: "2s",
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
    // The countries API, proxied under /api.
    "ANY /api/*": { forward: { to: "countries", strip: "/api" } },
  },
});
