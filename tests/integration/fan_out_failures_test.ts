import { assert, assertEquals } from "@std/assert";
import type { Part } from "../../lib/config/part.ts";
import type { GatherRoute, RouteKey } from "../../lib/config/route.ts";
import type { Kind } from "../../lib/core/errors.ts";
import { PROBLEM_PATH } from "../../lib/http/problem.ts";
import { ask, readEnvelope, readProblem } from "../support/responses.ts";
import { startGateway } from "../support/gateway.ts";
import { hang, refusingUrl, startUpstream } from "../support/upstream.ts";

/** How a part can fail by itself, and what that is for the client when it is required. */
const WAYS = {
  error: { status: 502, kind: "upstream-error" },
  missing: { status: 404, kind: "upstream-refused" },
  hang: { status: 504, kind: "upstream-timeout" },
  away: { status: 502, kind: "upstream-unreachable" },
  broken: { status: 502, kind: "upstream-invalid" },
  busy: { status: 503, kind: "overloaded" },
} as const satisfies Record<string, { readonly status: number; readonly kind: Kind }>;

type Way = keyof typeof WAYS;

const NAMES = ["root", "left", "right", "join", "alone"] as const;
type Name = typeof NAMES[number];

/** A diamond and one that stands alone: some required, some optional, some with a stand-in. */
const GRAPH: Readonly<Record<Name, Pick<Part, "needs" | "optional" | "otherwise">>> = {
  root: { needs: [] },
  left: { needs: ["root"], optional: true },
  right: { needs: ["root"], otherwise: { id: "stand-in" } },
  join: { needs: ["left", "right"], optional: true },
  alone: { needs: [] },
};
/** The same, in which nothing but the end of the diamond is required. */
const LOOSE: typeof GRAPH = {
  root: { needs: [], optional: true },
  left: { needs: ["root"], optional: true },
  right: { needs: [], otherwise: ["stand-in"] },
  join: { needs: ["left", "right"] },
  alone: { needs: [], otherwise: 0 },
};
const GRAPHS = { strict: GRAPH, loose: LOOSE } as const;

type Failing = ReadonlyMap<Name, Way>;

/** Every part in turn in every way, and every two parts in every two ways. */
function* combinations(): Generator<Failing> {
  const ways = Object.keys(WAYS).filter(isWay);
  yield new Map();
  for (const [index, name] of NAMES.entries()) {
    for (const way of ways) {
      yield new Map([[name, way]]);
      for (const other of NAMES.slice(index + 1)) {
        for (const second of ways) yield new Map([[name, way], [other, second]]);
      }
    }
  }
}

function isWay(text: string): text is Way {
  return Object.hasOwn(WAYS, text);
}

/** What a part that cannot succeed comes to. */
interface Fate {
  readonly kind: Kind;
  /** Several when which of two that fail comes first is left to chance. */
  readonly statuses: readonly number[];
  /** Whether it fails only when a timeout has passed. */
  readonly isLate: boolean;
}

/** The outcome of each part that cannot succeed, once all that can be called have been. */
function fatesOf(graph: typeof GRAPH, failing: Failing): Map<string, Fate> {
  const fates = new Map<string, Fate>();
  for (const name of NAMES) {
    const inputs = firstOf((graph[name].needs ?? []).flatMap((need) => fates.get(need) ?? []));
    const [input] = inputs;
    const way = failing.get(name);
    if (input) {
      const statuses = inputs.flatMap(({ statuses }) => statuses);
      fates.set(name, { kind: "input-failed", statuses, isLate: input.isLate });
    } else if (way) {
      const { kind, status } = WAYS[way];
      fates.set(name, { kind, statuses: [status], isLate: way === "hang" });
    }
  }
  return fates;
}

/** Those that fail at once, if any do; else those that fail late. */
function firstOf(fates: readonly Fate[]): readonly Fate[] {
  const atOnce = fates.filter(({ isLate }) => !isLate);
  return atOnce.length > 0 ? atOnce : fates;
}

function routeOf(graph: typeof GRAPH, failing: Failing, id: string): GatherRoute<"up" | "away"> {
  const gather = Object.fromEntries(NAMES.map((name) => {
    const way = failing.get(name);
    return [name, {
      ...graph[name],
      from: way === "away" ? "away" as const : "up" as const,
      path: `/${way ?? "good"}/${id}/${name}` as const,
      // One is enough: who hangs is waited for by all.
      ...(way === "hang" ? { timeout: "250ms" as const } : {}),
    }];
  }));
  return { gather };
}

/** Concurrent calls; enough to make the waiting short. */
const AT_ONCE = 30;

for (const [title, graph] of Object.entries(GRAPHS)) {
  Deno.test(`in a ${title} graph of five, every part and every two fail in every way`, async () => {
    await using upstream = startUpstream((request) => {
      const [, way = "", , name] = new URL(request.url).pathname.split("/");
      if (way === "hang") return hang(request);
      if (way === "error") return new Response("{}", { status: 500 });
      if (way === "missing") return new Response("{}", { status: 404 });
      if (way === "broken") return new Response('{"id":');
      if (way === "busy") {
        return new Response("{}", { status: 429, headers: { "retry-after": "7" } });
      }
      return Response.json({ id: name });
    });
    const cases = [...combinations()].map((failing, index) => ({ failing, id: `c${index}` }));
    const routes: Record<RouteKey, GatherRoute<"up" | "away">> = Object.fromEntries(
      cases.map(({ failing, id }) => [`GET /${id}`, routeOf(graph, failing, id)]),
    );
    await using gateway = startGateway({
      upstreams: { up: { url: upstream.url }, away: { url: refusingUrl() } },
      routes,
    });

    const check = async ({ failing, id }: typeof cases[number]) => {
      const description = JSON.stringify([...failing]);
      const fates = fatesOf(graph, failing);
      const required = NAMES.filter((name) => {
        const { optional, otherwise } = graph[name];
        return !optional && otherwise === undefined;
      });
      const fatal = firstOf(required.flatMap((name) => fates.get(name) ?? []));
      const response = await ask(`${gateway.url}/${id}`);
      const agrees = (name: string, status: number, type: string) => {
        const fate = fates.get(name);
        assertEquals(type, PROBLEM_PATH + fate?.kind, `${description}: ${name}`);
        assert(fate?.statuses.includes(status), `${description}: ${name} ${status}`);
      };
      if (fatal.length === 0) {
        const { data, problems = [] } = await readEnvelope(response, { parts: NAMES });
        for (const name of NAMES) {
          const { otherwise = null } = graph[name];
          assertEquals(
            data[name],
            fates.has(name) ? otherwise : { id: name },
            `${description}: ${name}`,
          );
        }
        const failed = problems.map(({ part }) => part);
        assertEquals(failed.toSorted(), [...fates.keys()].toSorted(), description);
        for (const { part, status, type } of problems) agrees(part, status, type);
        return;
      }
      const { type } = await response.clone().json();
      const decisive = fatal.find(({ kind, statuses }) =>
        type === PROBLEM_PATH + kind && statuses.includes(response.status)
      );
      assert(
        decisive,
        `${description}: ${response.status} ${type} is none of ${JSON.stringify(fatal)}`,
      );
      const { status, headers } = response;
      const { problems = [] } = await readProblem(response, {
        status,
        kind: decisive.kind,
        parts: NAMES,
      });
      assertEquals(headers.get("retry-after"), status === 503 ? "7" : null, description);
      for (const { part, status, type } of problems) agrees(part, status, type);
      const isTold = problems.some((problem) => problem.status === status && problem.type === type);
      assert(isTold, `${description}: the failure is not reported`);
    };
    for (let from = 0; from < cases.length; from += AT_ONCE) {
      await Promise.all(cases.slice(from, from + AT_ONCE).map(check));
    }

    // No part was called whose input had failed, and none twice.
    const asked = upstream.requests.map(({ url }) => new URL(url).pathname);
    assertEquals(new Set(asked).size, asked.length);
    for (const { failing, id } of cases) {
      const fates = fatesOf(graph, failing);
      for (const [name, { kind }] of fates) {
        if (kind !== "input-failed") continue;
        assert(!asked.some((path) => path.endsWith(`/${id}/${name}`)), `${id} asked ${name}`);
      }
    }
    assertEquals(gateway.errors, []);
  });
}
