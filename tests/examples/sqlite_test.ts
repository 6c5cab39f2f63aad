import { assertEquals } from "@std/assert";
import config from "../../examples/sqlite/gateway.config.ts";
import { serveSamples } from "../../examples/upstreams/serve.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";

Deno.test("SQLite: rows and an HTTP API's reply are one response, and rows survive a restart", async () => {
  const file = await Deno.makeTempFile({ suffix: ".db" });
  Deno.env.set("NOTES_FILE", file);
  await using samples = await serveSamples({
    ports: { countries: 0, holidays: 0, timeZones: 0, mirror: 0 },
  });
  const start = () =>
    startGateway({
      ...config,
      upstreams: { ...config.upstreams, countries: { url: samples.urls.countries } },
    });
  const note = "Robert'); drop table notes;--";
  {
    await using gateway = start();
    const post = (code: string, text: unknown) =>
      ask(`${gateway.url}/country/${code}/notes`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ text }),
      });
    assertEquals((await readEnvelope(await post("is", note))).data.note, { id: 1 });
    assertEquals((await readEnvelope(await post("IS", "' or '1'='1"))).data.note, { id: 2 });
    const bad = { status: 400, kind: "upstream-refused" } as const;
    await readProblem(await post("is", ""), bad);
    await readProblem(await post("is", "x".repeat(201)), bad);
    await readProblem(await post("nowhere", "x"), { status: 404, kind: "upstream-refused" });
  }
  await using gateway = start();
  const { data } = await readEnvelope(await ask(`${gateway.url}/country/IS`));
  assertEquals(data, {
    country: { code: "IS", name: "Iceland", flag: "🇮🇸" },
    notes: [{ id: 1, text: note }, { id: 2, text: "' or '1'='1" }],
  });
  const other = await readEnvelope(await ask(`${gateway.url}/country/NO`));
  assertEquals(other.data.notes, []);
  await Deno.remove(file);
});
