import { assertEquals } from "@std/assert";
import config from "../../examples/worker/gateway.config.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";

const place = {
  url: new URL("../../examples/worker/gateway.config.ts", import.meta.url),
  hasFile: () => true,
};

function post(url: string, places: unknown): Promise<Response> {
  return ask(`${url}/trip`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ places }),
  });
}

Deno.test("the worker example: a trip is found, one that would take years ends with its timeout", async () => {
  await using gateway = startGateway(config, { place });
  const square = [
    { name: "a", x: 0, y: 0 },
    { name: "c", x: 10, y: 10 },
    { name: "b", x: 0, y: 10 },
    { name: "d", x: 10, y: 0 },
  ];
  const { data } = await readEnvelope(await post(gateway.url, square));
  assertEquals(data.trip, { places: ["a", "b", "c", "d"], km: 40 });

  const circle = Array.from({ length: 60 }, (_, index) => ({
    name: `${index}`,
    x: Math.cos(index * 7),
    y: Math.sin(index * 7),
  }));
  await readProblem(await post(gateway.url, circle), {
    status: 504,
    kind: "upstream-timeout",
    parts: ["trip"],
  });
  await readProblem(await post(gateway.url, null), { status: 502, kind: "upstream-error" });
});
