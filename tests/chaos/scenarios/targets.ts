import type { Behaviour } from "../behaviour.ts";
import { callsOf, type Results, type Scenario, type Side } from "../scenario.ts";
import { atLeast, atMost, percent, type Verdict } from "../verdict.ts";
import { STEADY } from "./conditions.ts";

const RATE = 100;

interface OneTarget {
  readonly name: string;
  readonly others: readonly string[];
  readonly behaviour: Behaviour;
  readonly promises: (results: Results) => readonly Verdict[];
}

/** One of the targets of an upstream, `bad`, misbehaves. */
function oneTarget({ name, others, behaviour, promises }: OneTarget): Scenario {
  const targets = [...others, "bad"];
  return {
    name,
    upstreams: Object.fromEntries(targets.map((target) => [target, STEADY])),
    off: roundRobin(targets),
    on: balanced,
    phases: [
      { name: "warm-up", seconds: 2, rate: RATE },
      { name: "healthy", seconds: 3, rate: RATE },
      { name: "first 2 s", seconds: 2, rate: RATE, change: { bad: behaviour } },
      { name: "after", seconds: 6, rate: RATE },
    ],
    promises,
  };
}

const balanced: Side = {
  config: (url) => ({
    upstreams: {
      up: { urls: Object.values(url), timeout: "5s", retry: { attempts: 2 } },
    },
    routes: { "GET /home/:id": { gather: { it: { from: "up", path: "/{id}" } } } },
  }),
  path: (index) => `/home/${index}`,
};

/** What a round robin in DNS would do: a route for each target, asked in turns. */
function roundRobin(targets: readonly string[]): Side {
  return {
    config: (url) => ({
      upstreams: Object.fromEntries(
        Object.entries(url).map(([name, url]) => [name, { url, timeout: "5s" }]),
      ),
      routes: Object.fromEntries(
        targets.map((target) => [
          `GET /${target}/:id`,
          { gather: { it: { from: target, path: "/{id}" } } },
        ]),
      ),
    }),
    path: (index) => `/${targets[index % targets.length] ?? ""}/${index}`,
  };
}

function complete(results: Results, phases: readonly string[]): Verdict {
  const measured = phases.map((phase) => results.on(phase));
  const sum = (key: "complete" | "requests") => measured.reduce((all, it) => all + it[key], 0);
  return atLeast("complete", sum("complete") / sum("requests"), 0.999, percent);
}

export const targets: readonly Scenario[] = [
  oneTarget({
    name: "one of three targets is down",
    others: ["first", "second"],
    behaviour: { kind: "down" },
    promises: (results) => [complete(results, ["first 2 s", "after"])],
  }),
  oneTarget({
    name: "one of two targets responds with 429 in 1 ms",
    others: ["good"],
    behaviour: { kind: "failing", status: 429, ms: 1 },
    promises: (results) => {
      const after = results.on("after");
      return [
        complete(results, ["first 2 s", "after"]),
        atMost("after: calls to it", callsOf(after, "bad") / callsOf(after), 0.05, percent),
      ];
    },
  }),
];
