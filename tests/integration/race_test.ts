import { assert, assertEquals } from "@std/assert";
import { ask, failedParts, readProblem, timedParts } from "../support/responses.ts";
import { type GatedUpstream, startGatedUpstream } from "../support/gated_upstream.ts";
import { startGateway, type TestGateway } from "../support/gateway.ts";

const NAMES = ["a", "b", "c"] as const;

/** Upstream paths that begin with `/fail` fail. */
function startRacers(): GatedUpstream {
  return startGatedUpstream(({ url }) => {
    const { pathname } = new URL(url);
    return pathname.startsWith("/fail")
      ? new Response("", { status: pathname.endsWith("a") ? 404 : 500 })
      : Response.json(pathname);
  }, "all");
}

function startRace(url: string, quorum: number | "first", failing: readonly string[]): TestGateway {
  const parts = Object.fromEntries(
    NAMES.map((name) => [name, {
      from: "up",
      path: failing.includes(name) ? `/fail/${name}` as const : `/${name}` as const,
    }]),
  );
  return startGateway({
    upstreams: { up: { url } },
    routes: { "GET /": quorum === "first" ? { first: parts } : { quorum, gather: parts } },
  });
}

const ORDERS = NAMES.flatMap((one) =>
  NAMES.filter((name) => name !== one).map((two) => [
    one,
    two,
    ...NAMES.filter((name) => name !== one && name !== two),
  ])
);
const SUBSETS = [[], ["a"], ["b"], ["a", "b"], ["a", "c"], ["a", "b", "c"]];

for (const quorum of ["first", 1, 2, 3] as const) {
  for (const failing of SUBSETS) {
    Deno.test(`${quorum} of three, ${failing.join(", ") || "none"} failing, in every order`, async () => {
      for (const order of ORDERS) {
        await using upstream = startRacers();
        await using gateway = startRace(upstream.url, quorum, failing);
        const needed = quorum === "first" ? 1 : quorum;
        const answer = ask(gateway.url);
        const pathOf = (name: string) => failing.includes(name) ? `/fail/${name}` : `/${name}`;
        await Promise.all(NAMES.map((name) => upstream.reached(pathOf(name))));

        // One after the other, until it is decided.
        const won: string[] = [];
        const lost: string[] = [];
        for (const name of order) {
          (failing.includes(name) ? lost : won).push(name);
          upstream.open(pathOf(name));
          await until(() => upstream.active <= NAMES.length - won.length - lost.length);
          // Sent after the upstream's response, so the gateway has read that when it replies.
          await (await fetch(`${gateway.url}/_gateway/health/live`)).body?.cancel();
          if (won.length === needed || NAMES.length - lost.length < needed) break;
        }
        const response = await answer;
        assertEquals(timedParts(response), [...NAMES]);
        await until(() => upstream.active === 0);

        if (won.length < needed) {
          const last = lost.at(-1);
          const expected = last === "a"
            ? { status: 404, kind: "upstream-refused" as const }
            : { status: 502, kind: "upstream-error" as const };
          const { problems } = await readProblem(response, expected);
          assertEquals(problems?.map(({ part }) => part), lost);
          continue;
        }
        const { data, complete, problems = [] } = await response.json();
        assertEquals([response.status, complete], [200, true]);
        assertEquals(response.headers.get("gateway-complete"), "?1");
        assertEquals(problems.map(({ part }: { part: string }) => part), lost);
        assertEquals(failedParts(response).length, lost.length);
        if (quorum === "first") {
          assertEquals(data, `/${won[0]}`);
        } else {
          const members = [
            ...won.map((name) => [name, `/${name}`]),
            ...lost.map((name) => [name, null]),
          ];
          assertEquals(data, Object.fromEntries(members));
        }
      }
    });
  }
}

Deno.test("the deadline ends a race without a winner", async () => {
  await using upstream = startRacers();
  const parts = { a: { from: "up", path: "/a" }, b: { from: "up", path: "/b" } } as const;
  await using gateway = startGateway({
    upstreams: { up: { url: upstream.url } },
    routes: {
      "GET /first": { deadline: "50ms", first: parts },
      "GET /both": { deadline: "50ms", quorum: 2, gather: parts },
    },
  });
  for (const path of ["/first", "/both"]) {
    const { problems = [] } = await readProblem(await ask(gateway.url + path), {
      status: 504,
      kind: "deadline-exceeded",
    });
    assert(problems.length > 0);
  }
  await until(() => upstream.active === 0);
});

Deno.test("a client that leaves ends all who race", async () => {
  await using upstream = startRacers();
  await using gateway = startRace(upstream.url, "first", []);
  const client = new AbortController();
  const leaving = ask(gateway.url, { signal: client.signal }).catch(() => "left");
  await upstream.asked(3);
  client.abort();
  assertEquals(await leaving, "left");
  await until(() => upstream.active === 0);
});

async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + 5_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error("it never came to that");
    await new Promise((resolve) => setTimeout(resolve));
  }
}
