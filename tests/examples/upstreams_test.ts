import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { countries } from "../../examples/upstreams/countries.ts";
import { holidays } from "../../examples/upstreams/holidays.ts";
import { withMoods } from "../../examples/upstreams/mood.ts";
import { serveSamples } from "../../examples/upstreams/serve.ts";
import { timeZones } from "../../examples/upstreams/time_zones.ts";
import type { Handler } from "../../examples/upstreams/handler.ts";

const freePorts = { countries: 0, holidays: 0, timeZones: 0, mirror: 0 };

async function ask(handler: Handler, path: string, init?: RequestInit) {
  const response = await handler(new Request(`http://sample.test${path}`, init));
  const { status } = response;
  return { status, body: await response.json() };
}

function become(handler: Handler, mood: string) {
  return ask(handler, `/be/${mood}`, { method: "POST" });
}

Deno.test("countries: one, in full", async () => {
  const iceland = {
    code: "IS",
    name: "Iceland",
    official: "Iceland",
    capital: "Reykjavik",
    region: "Europe",
    languages: ["Icelandic"],
    currencies: [{ code: "ISK", name: "Icelandic króna", symbol: "kr" }],
    flag: "🇮🇸",
    areaKm2: 103000,
    borders: [],
  };
  assertEquals(await ask(countries, "/countries/IS"), { status: 200, body: iceland });
  assertEquals(await ask(countries, "/countries/is"), { status: 200, body: iceland });
});

Deno.test("countries: neighbours go by alpha-2 codes", async () => {
  const { body } = await ask(countries, "/countries/PT");
  assertEquals(body.borders, ["ES"]);
});

Deno.test("countries: missing or unknown facts are null or empty", async () => {
  const antarctica = (await ask(countries, "/countries/AQ")).body;
  assertEquals([antarctica.capital, antarctica.currencies], [null, []]);
  assertEquals((await ask(countries, "/countries/SJ")).body.areaKm2, null);
});

Deno.test("countries: a list, of one region or of the world", async () => {
  const europe = (await ask(countries, "/countries?region=europe")).body;
  const world = (await ask(countries, "/countries")).body;
  const iceland = { code: "IS", name: "Iceland", flag: "🇮🇸" };
  assertEquals(europe.filter(({ code }: { code: string }) => code === "IS"), [iceland]);
  assertGreater(world.length, europe.length);
  assertEquals((await ask(countries, "/countries?region=Atlantis")).body, []);
});

Deno.test("holidays: of the year in the path, in the query, or of this year", async () => {
  const inPath = await ask(holidays, "/holidays/is/2026");
  assertEquals(inPath.status, 200);
  assertEquals(inPath.body[0], { date: "2026-01-01", name: "New Year's Day" });
  assertEquals(inPath.body[12], { date: "2026-12-24", name: "Christmas Eve" });
  assertEquals(inPath.body.length, 16);
  assertEquals(await ask(holidays, "/holidays/IS?year=2026"), inPath);
  assertMatch((await ask(holidays, "/holidays/IS")).body[0].date, /^20\d\d-01-01$/);
});

Deno.test("holidays: a year out of range is refused before anything computes it", async () => {
  for (const year of ["0000", "1899", "2100", "26", "soon"]) {
    assertEquals((await ask(holidays, `/holidays/CN/${year}`)).status, 400, year);
  }
});

Deno.test("time zones: with their offsets in winter and in summer", async () => {
  assertEquals(await ask(timeZones, "/time-zones/gr"), {
    status: 200,
    body: [{ name: "Europe/Athens", utcOffset: "+02:00", dstOffset: "+03:00" }],
  });
});

Deno.test("an unknown code, path or method is refused in JSON", async () => {
  const unknown = { status: 404, body: { error: "no country has the code XX" } };
  assertEquals(await ask(countries, "/countries/XX"), unknown);
  assertEquals((await ask(holidays, "/holidays/constructor/2026")).status, 404);
  assertEquals((await ask(timeZones, "/time-zones/XX")).status, 404);
  assertEquals((await ask(countries, "/elsewhere")).status, 404);
  assertEquals((await ask(countries, "/countries/IS", { method: "DELETE" })).status, 405);
});

Deno.test("moods: failing, garbage, and well again", async () => {
  const handler = withMoods(countries);
  const before = await ask(handler, "/countries/IS");

  assertEquals(await become(handler, "failing"), { status: 200, body: { mood: "failing" } });
  assertEquals((await ask(handler, "/countries/IS")).status, 500);

  await become(handler, "garbage");
  const garbage = await handler(new Request("http://sample.test/countries/IS"));
  const text = await garbage.text();
  assertEquals(garbage.status, 200);
  assert(JSON.stringify(before.body).startsWith(text));
  assertThrows(() => JSON.parse(text), SyntaxError);

  await become(handler, "well");
  assertEquals(await ask(handler, "/countries/IS"), before);
});

Deno.test("moods: an unknown one is 404 with the list, and changes nothing", async () => {
  const handler = withMoods(countries);
  await become(handler, "failing");
  assertEquals(await become(handler, "angry"), {
    status: 404,
    body: {
      error: "there is no mood angry",
      moods: ["well", "slow", "failing", "hanging", "garbage"],
    },
  });
  assertEquals((await ask(handler, "/countries/IS")).status, 500);
  assertEquals((await ask(handler, "/be/well")).status, 405);
});

Deno.test("moods: slow responds after 3 s", async () => {
  const slept = Promise.withResolvers<void>();
  const asked: number[] = [];
  const handler = withMoods(countries, (ms) => {
    asked.push(ms);
    return slept.promise;
  });
  await become(handler, "slow");
  const answer = ask(handler, "/countries/IS");
  assertEquals(asked, [3_000]);
  slept.resolve();
  assertEquals((await answer).body.name, "Iceland");
});

Deno.test("moods: a hanging call gets its response when the mood changes", async () => {
  const handler = withMoods(countries);
  await become(handler, "hanging");
  const answers = [ask(handler, "/countries/IS"), ask(handler, "/countries/XX")];
  await become(handler, "hanging");
  await become(handler, "well");
  assertEquals((await Promise.all(answers)).map(({ status }) => status), [200, 404]);
});

for (const mood of ["slow", "hanging"]) {
  Deno.test(`moods: a caller that leaves a ${mood} answer leaves nothing behind`, async () => {
    const arrived = Promise.withResolvers<void>();
    const answered = Promise.withResolvers<number>();
    const handler = withMoods(countries);
    await become(handler, mood);
    await using server = Deno.serve({ port: 0, onListen() {} }, async (request) => {
      const answer = handler(request);
      arrived.resolve();
      const response = await answer;
      answered.resolve(response.status);
      return response;
    });

    const caller = new AbortController();
    const url = `http://127.0.0.1:${server.addr.port}/countries/IS`;
    const answer = fetch(url, { signal: caller.signal });
    await arrived.promise;
    caller.abort();
    await assertRejects(() => answer, DOMException);
    assertEquals(await answered.promise, 499);
  });
}

Deno.test("samples: each on a port of its own", async () => {
  await using samples = await serveSamples({ ports: freePorts });
  const { urls } = samples;
  assertEquals(new Set(Object.values(urls)).size, 4);
  const answers = [
    `${urls.countries}/countries/IS`,
    `${urls.holidays}/holidays/IS/2026`,
    `${urls.timeZones}/time-zones/IS`,
    `${urls.mirror}/countries/IS`,
  ].map(async (url) => (await fetch(url)).json());
  const [country, [newYear], [zone], copy] = await Promise.all(answers);
  assertEquals([country.code, newYear.date, zone.utcOffset], ["IS", "2026-01-01", "+00:00"]);
  assertEquals(copy, country);
});

Deno.test("samples: their moods can be seen, and their latencies set", async () => {
  await using samples = await serveSamples({ ports: freePorts, latencies: { holidays: 50 } });
  const { holidays } = samples.urls;
  assertEquals(await (await fetch(`${holidays}/be`)).json(), { mood: "well" });
  await (await fetch(`${holidays}/be/failing`, { method: "POST" })).body?.cancel();
  assertEquals(await (await fetch(`${holidays}/be`)).json(), { mood: "failing" });
  await (await fetch(`${holidays}/be/well`, { method: "POST" })).body?.cancel();
  const began = performance.now();
  await (await fetch(`${holidays}/holidays/IS`)).body?.cancel();
  assertGreater(performance.now() - began, 45);
});

Deno.test("samples: each has a mood of its own, and stopping cuts off what hangs", async () => {
  const samples = await serveSamples({ ports: freePorts });
  const { urls } = samples;
  await (await fetch(`${urls.countries}/be/hanging`, { method: "POST" })).body?.cancel();
  const hanging = fetch(`${urls.countries}/countries/IS`);
  assertEquals((await (await fetch(`${urls.timeZones}/time-zones/GR`)).json()).length, 1);
  const cutOff = assertRejects(() => hanging, TypeError);
  await samples[Symbol.asyncDispose]();
  await cutOff;
});

Deno.test("samples: a taken port stops them all, and says which and what to do", async () => {
  await using taken = Deno.serve({ port: 0, onListen() {} }, () => new Response());
  const { port } = taken.addr;
  const ports = { ...freePorts, holidays: port };
  const error = await assertRejects(() => serveSamples({ ports }), Deno.errors.AddrInUse);
  assertStringIncludes(error.message, `"holidays" needs port ${port}`);
});
