import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DEFAULTS } from "../../../lib/core/defaults.ts";
import type { ConfigPlace } from "../../../lib/config/named_files.ts";
import { parseConfig } from "../../../lib/config/parse.ts";
import { ConfigError } from "../../../lib/config/config_error.ts";
import type { PartSettings } from "../../../lib/config/part.ts";
import type { GatherSettings } from "../../../lib/config/route.ts";
import { assertSchemaRejects } from "../../support/config_schema.ts";

const PLACE: ConfigPlace = {
  url: new URL("file:///etc/gateway/gateway.config.json"),
  hasFile: ({ href }) => href === "file:///etc/gateway/work.ts" || href === "file:///etc/work.ts",
};
const WORKER = { worker: "./work.ts" };
const A = 'routes["GET /:id"].gather.a';
const PATH = 'must be a path such as "./quotes.ts"';
const FILE = "must be the path of a file, relative to the config";

const withParts = (gather: unknown, up: unknown = WORKER) => ({
  upstreams: { up },
  routes: { "GET /:id": { gather } },
});
const withPart = (keys: unknown) => withParts({ a: { ...WORKER, ...Object(keys) } });
const withUpstream = (keys: unknown) =>
  withParts({ a: { from: "up" } }, { ...WORKER, ...Object(keys) });

function partsOf(input: unknown): readonly PartSettings[] {
  const isGather = (route: object): route is GatherSettings => "parts" in route;
  const { routes } = parseConfig(input, () => undefined, PLACE);
  return routes.filter(isGather).flatMap(({ parts }) => parts);
}

const VALUES: Readonly<Record<string, unknown>> = {
  path: "/x",
  method: "POST",
  params: {},
  headers: {},
  pages: { next: "link" },
  as: "text",
};
const RULES: readonly (readonly [input: unknown, problem: string])[] = [
  [withPart({ worker: 5 }), `${A}.worker: must be a string; got 5`],
  [withPart({ worker: "work.ts" }), `${A}.worker: ${PATH}; got "work.ts"`],
  [withPart({ worker: "/etc/work.ts" }), `${A}.worker: ${PATH}; got "/etc/work.ts"`],
  [withPart({ worker: "https://x/y.ts" }), `${A}.worker: ${PATH}; got "https://x/y.ts"`],
  [withPart({ worker: "./no.ts" }), `${A}.worker: ${FILE}; got "./no.ts"`],
  [withPart({ from: "up" }), `${A}.from: must not be set together with worker`],
  [withPart({ body: "{ids}" }), `${A}: "{ids}" must be a parameter of /:id or another part`],
  ...["path", "method", "params", "headers", "pages", "as"].map((key): [unknown, string] => [
    withPart({ [key]: VALUES[key] }),
    `${A}.${key}: must not be set for a worker`,
  ]),
  [
    withParts({ a: { from: "up", path: "/x" } }),
    `${A}.path: must not be set for a worker`,
  ],
  [withPart({ workers: 2 }), `${A}.workers: is not a known key`],
  [withUpstream({ worker: "./no.ts" }), `upstreams.up.worker: ${FILE}; got "./no.ts"`],
  [withUpstream({ workers: 0 }), "upstreams.up.workers: must be a whole number of at least 1"],
  [withUpstream({ concurrency: 2 }), "upstreams.up.concurrency: is not a known key"],
  [withUpstream({ memory: 5 }), "upstreams.up.memory: must be a size"],
  [
    { upstreams: { up: WORKER }, routes: { "GET /": { forward: "up" } } },
    'routes["GET /"].forward: must not be a worker, which only parts can call; got "up"',
  ],
];

for (const [input, problem] of RULES) {
  Deno.test(`worker rule: ${problem}`, () => {
    const { message } = assertThrows(
      () => parseConfig(input, () => undefined, PLACE),
      ConfigError,
    );
    assertStringIncludes(message, problem);
    assertSchemaRejects(input, problem);
  });
}

Deno.test("worker rule: a config that is no file names none", () => {
  const { message } = assertThrows(
    () => parseConfig(withPart({}), () => undefined),
    ConfigError,
  );
  const problem = "worker: must not be set in a config that is not read from a file";
  assertStringIncludes(message, problem);
});

Deno.test("an invalid worker is reported once, however many parts use it", () => {
  const input = withParts({ a: { from: "up", body: {} } }, { worker: "./no.ts" });
  const { message } = assertThrows(() => parseConfig(input, () => undefined, PLACE), ConfigError);
  assertEquals(message, `upstreams.up.worker: ${FILE}; got "./no.ts"`);
});

Deno.test("parts that name one module share its upstream; a named upstream is its own", () => {
  const parts = partsOf(withParts({
    a: WORKER,
    b: { worker: "./../gateway/work.ts" },
    c: { worker: "../work.ts" },
    d: { from: "up" },
  }));
  const [a, b, c, d] = parts.map(({ upstream }) => upstream);
  assertEquals(a === b, true);
  assertEquals(new Set([a, c, d]).size, 3);
});

Deno.test("a worker has as many threads, such a line and such a heap as the defaults say", () => {
  const [part] = partsOf(withPart({ body: ["{id}"] }));
  const upstream = part?.upstream;
  if (upstream === undefined || !("worker" in upstream)) throw new Error("it is no worker");
  assertEquals(upstream.worker.href, "file:///etc/gateway/work.ts");
  assertEquals(upstream.heapBytes, DEFAULTS.workerMemory);
  assertEquals(upstream.concurrency, { max: DEFAULTS.workers, queue: DEFAULTS.workerQueue });
  assertEquals([part?.method, part?.body], ["GET", undefined]);
  const [said] = partsOf(withUpstream({ workers: { max: 3, queue: 7 }, memory: "1MiB" }));
  assertEquals(said?.upstream.concurrency, { max: 3, queue: 7 });
});

Deno.test("what a worker's input is made of are its part's needs", () => {
  const parts = partsOf(withParts({
    a: { ...WORKER, body: { of: ["{b.x}", "{id}"] } },
    b: { ...WORKER, needs: ["c"] },
    c: { ...WORKER, each: "{d}", body: "{item}" },
    d: WORKER,
  }));
  assertEquals(parts.map(({ needs }) => needs), [["b"], ["c"], ["d"], []]);
});
