import { assertEquals } from "@std/assert";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { gatewayFor, startGateway } from "../support/gateway.ts";
import { within } from "../support/program.ts";
import { startUpstream, type TestUpstream } from "../support/upstream.ts";

/** An upstream whose answers wait until the test lets them go, by the path that was asked. */
interface Gated extends TestUpstream {
  release(path: string): void;
}

function startGated(answer: (path: string) => Response): Gated {
  const gates = new Map<string, PromiseWithResolvers<void>>();
  const gate = (path: string) => {
    const known = gates.get(path) ?? Promise.withResolvers<void>();
    gates.set(path, known);
    return known;
  };
  const upstream = startUpstream(async (request) => {
    const { pathname } = new URL(request.url);
    await gate(pathname).promise;
    return answer(pathname);
  });
  return Object.assign(upstream, { release: (path: string) => gate(path).resolve() });
}

/** A part for each of the paths: `p0`, `p1`, … */
function partsOf(paths: readonly `/${string}`[]) {
  return Object.fromEntries(
    paths.map((path, index) => [`p${index}`, { from: "up", path }] as const),
  );
}

function pathsOf(count: number): `/${number}`[] {
  return Array.from({ length: count }, (_, index) => `/${index}` as const);
}

for (const count of [1, 3, 10, 50]) {
  Deno.test(`${count} parts are asked at once: an answer takes as long as its slowest`, async () => {
    const paths = pathsOf(count);
    await using upstream = startGated((path) => Response.json(path));
    await using gateway = gatewayFor({ upstream: upstream.url, gather: partsOf(paths) });
    const answering = ask(gateway.url);

    // Were one asked after the answer to another, they would never be here together.
    await within(upstream.asked(count), `${count} questions at once`);
    assertEquals(upstream.active, count);
    for (const path of paths) upstream.release(path);

    const response = await answering;
    const { data } = await readEnvelope(response, { parts: paths.map((_, index) => `p${index}`) });
    assertEquals(data, Object.fromEntries(paths.map((path, index) => [`p${index}`, path])));
    assertEquals(upstream.requests.length, count);
  });
}

Deno.test("parts stand in the order of the config, whichever came first", async () => {
  const paths = pathsOf(4);
  await using upstream = startGated((path) => Response.json(path));
  await using gateway = gatewayFor({ upstream: upstream.url, gather: partsOf(paths) });
  const answering = ask(gateway.url);
  await within(upstream.asked(4), "all questions");
  for (const path of paths.toReversed()) upstream.release(path);

  const text = await (await answering).text();
  assertEquals(text, '{"data":{"p0":"/0","p1":"/1","p2":"/2","p3":"/3"},"complete":true}');
});

Deno.test("a response waits for its slowest part", async () => {
  await using upstream = startGated((path) => Response.json(path));
  await using gateway = gatewayFor({ upstream: upstream.url, gather: partsOf(["/fast", "/slow"]) });
  let isAnswered = false;
  const answering = ask(gateway.url).finally(() => isAnswered = true);
  await within(upstream.asked(2), "both questions");
  upstream.release("/fast");
  // Time for an answer that does not wait: a whole exchange with the same gateway.
  await (await ask(`${gateway.url}/_gateway/health/live`)).body?.cancel();
  assertEquals(isAnswered, false);
  upstream.release("/slow");
  assertEquals((await readEnvelope(await answering)).data, { p0: "/fast", p1: "/slow" });
});

Deno.test("a required part's failure ends the response without waiting for the other parts", async () => {
  await using upstream = startGated((path) =>
    path === "/fails" ? new Response(null, { status: 500 }) : Response.json(path)
  );
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: partsOf(["/hangs", "/fails"]),
  });
  const answering = ask(gateway.url);
  await within(upstream.asked(2), "both questions");
  upstream.release("/fails");

  const expected = { status: 502, kind: "upstream-error", parts: ["p0", "p1"] } as const;
  const { problems } = await readProblem(await answering, expected);
  assertEquals(problems?.map(({ part }) => part), ["p1"]);
  upstream.release("/hangs");
});

Deno.test("each part that failed has its problem, beside one that did not", async () => {
  await using upstream = startUpstream(({ url }) => {
    const status = Number(new URL(url).pathname.slice(1));
    return Response.json(status, { status });
  });
  await using gateway = gatewayFor({
    upstream: upstream.url,
    gather: {
      gone: { from: "up", path: "/410", optional: true },
      fine: { from: "up", path: "/200" },
      broken: { from: "up", path: "/500", otherwise: [] },
    },
  });
  const response = await ask(gateway.url);
  const { data, problems } = await readEnvelope(response, { parts: ["broken", "fine", "gone"] });
  assertEquals(data, { gone: null, fine: 200, broken: [] });
  const told = problems?.map(({ part, status }) => `${part} ${status}`).toSorted();
  assertEquals(told, ["broken 502", "gone 410"]);
});

Deno.test("concurrent requests of many clients do not mix", async () => {
  await using upstream = startUpstream(({ url }) => Response.json(new URL(url).pathname));
  await using gateway = startGateway({
    upstreams: { it: { url: upstream.url } },
    routes: {
      "GET /:id": {
        gather: { a: { from: "it", path: "/a/{id}" }, b: { from: "it", path: "/b/{id}" } },
      },
    },
  });
  const answers = await Promise.all(
    pathsOf(50).map(async (path) => {
      const id = `id${path}`;
      const response = await ask(gateway.url + path, { headers: { "x-request-id": id } });
      return (await readEnvelope(response, { id, parts: ["a", "b"] })).data;
    }),
  );
  assertEquals(answers, pathsOf(50).map((path) => ({ a: `/a${path}`, b: `/b${path}` })));
});
