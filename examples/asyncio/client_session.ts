import { defineGateway } from "sluice";

/**
 * `aiohttp.ClientSession(connector=TCPConnector(limit=20), timeout=ClientTimeout(total=1))`: one
 * pool of connections, with a limit per API, a timeout, and a maximum response size. Run
 * `deno task dev` in another terminal for the API.
 *
 * ```sh
 * curl http://127.0.0.1:8000/country/IS
 * ```
 *
 * ```json
 * {"data": {"country": {"name": "Iceland", "capital": "Reykjavik"}}, "complete": true}
 * ```
 */
export default defineGateway({
  store: ":memory:",
  upstreams: {
    countries: {
      url: "http://127.0.0.1:9001",
      timeout: "1s",
      concurrency: { max: 20, queue: 40 },
      maxBody: "1MiB",
    },
  },
  routes: {
    "GET /country/:code": {
      gather: {
        country: { from: "countries", path: "/countries/{code}", pick: ["name", "capital"] },
      },
    },
  },
});
