import type * as v from "valibot";
import { externalSchema, jwtSchema, keyAuth } from "../lib/config/auth.ts";
import { clientsSchema, knownClientSchema } from "../lib/config/client.ts";
import { type Facts, factsOf } from "../lib/config/facts.ts";
import { gatewaySchema } from "../lib/config/gateway.ts";
import { limitSchema } from "../lib/config/limit.ts";
import { partSchema } from "../lib/config/part.ts";
import {
  anyRouteSchema,
  batchSchema,
  firstSchema,
  forwardSchema,
  gatherSchema,
} from "../lib/config/route.ts";
import {
  anyUpstreamSchema,
  functionUpstreamSchema,
  httpUpstreamSchema,
  openedUpstreamSchema,
  workerUpstreamSchema,
} from "../lib/config/upstream.ts";
import type { KeyDocs } from "./key_docs.ts";
import { defaultOf, isOptional, unwrapped } from "./optional.ts";

const INTRODUCTION = `# Configuration reference

Every key of \`gateway.config.ts\`, and of the same object as JSON. Generated from the schema in
\`lib/config/\` by \`deno task docs:config\`. For explanations and examples, see
[configuration.md](configuration.md).

A JSON config completes and validates in an editor when it begins with
\`"$schema": "./gateway.schema.json"\`, the path of [gateway.schema.json](../gateway.schema.json).

| Type     | Written as                                                 |
| -------- | ---------------------------------------------------------- |
| duration | \`"250ms"\`, \`"2s"\`, \`"5m"\`, \`"1h"\`                          |
| size     | bytes: \`"512B"\`, \`"64KiB"\`, \`"4MiB"\`, \`"1GiB"\`             |
| rate     | tokens per period: \`"5/s"\`, \`"100/min"\`, \`"1000/h"\`, \`"1/d"\` |
| template | a string with \`{name}\`: see [configuration.md](configuration.md#templates) |
`;

/** The sections, in the order of the page. */
const SECTIONS: readonly (readonly [title: string, introduction: string, v.GenericSchema])[] = [
  ["Top level", "", gatewaySchema],
  ["Every upstream", "`upstreams.NAME`: the keys of every kind of upstream.", anyUpstreamSchema],
  ["HTTP upstream", "`upstreams.NAME`, for an HTTP API.", httpUpstreamSchema(() => "")],
  [
    "Function upstream",
    "`upstreams.NAME`, for an async function (TypeScript configs only).",
    functionUpstreamSchema,
  ],
  [
    "Function upstream with an open resource",
    "`upstreams.NAME`, for a function with a connection pool, for example (TypeScript configs only).",
    openedUpstreamSchema,
  ],
  [
    "Worker upstream",
    "`upstreams.NAME`, for a module whose function runs in threads; with `workers` instead of `concurrency`.",
    workerUpstreamSchema,
  ],
  ["Clients", "`clients`: the known clients, and where they send their key.", clientsSchema],
  ["Known client", "`clients.known.NAME`: one client.", knownClientSchema],
  ["Authentication by token", "`auth.NAME.jwt`: JSON Web Tokens.", jwtSchema(() => "")],
  ["Authentication by key", "`auth.NAME`: keys of known clients.", keyAuth],
  [
    "Authentication by a service",
    "`auth.NAME.external`: a service of yours decides.",
    externalSchema(() => ""),
  ],
  ["Limit", "`limits.NAME`: one token bucket per client.", limitSchema],
  ["Every route", '`routes["GET /path"]`: the keys of every kind of route.', anyRouteSchema],
  ["Aggregate", '`routes["GET /path"]`, for a route that combines several parts.', gatherSchema],
  [
    "Race",
    '`routes["GET /path"]`, for a route that responds with the first part to succeed.',
    firstSchema,
  ],
  [
    "Forward",
    '`routes["GET /path"]`, for a route that forwards requests to one upstream.',
    forwardSchema,
  ],
  [
    "Batch",
    '`routes["POST /path"]`, for a route that handles several requests at once.',
    batchSchema,
  ],
  ["Part", "`gather.NAME` or `first.NAME`: a part of an aggregate or of a race.", partSchema],
];

/** Sections whose keys are left out of the other sections. */
const SHARED: readonly v.GenericSchema[] = [anyUpstreamSchema, anyRouteSchema];

/** Returns the page with every key: its type, default, and description. */
export function configReference(docs: KeyDocs): string {
  const sections = SECTIONS.map(([title, introduction, schema]) => {
    const shared = SHARED.includes(schema) ? [] : SHARED.flatMap(entriesOf);
    const rows = rowsOf(schema, "", new Set(shared));
    return [
      `## ${title}\n`,
      ...introduction === "" ? [] : [`${introduction}\n`],
      "| Key | Type | Default | Description |",
      "| --- | --- | --- | --- |",
      ...rows,
      "",
    ].join("\n");
  });
  return [INTRODUCTION, ...sections].join("\n");

  function rowsOf(
    schema: v.GenericSchema,
    prefix: string,
    shared: ReadonlySet<v.GenericSchema> = new Set(),
  ): string[] {
    const facts = factsOf(schema);
    if (facts.kind === "choice") return facts.options.flatMap((one) => nestedRows(one, prefix));
    if (facts.kind !== "object") return [];
    const keys = Object.keys(facts.entries);
    return Object.entries(facts.entries).flatMap(([key, entry]) => {
      if (shared.has(entry)) return [];
      const doc = docs.of(key, keys);
      const [, sentence = doc, stated] = /^(.*?)\s*Default: (.*)\.$/s.exec(doc) ?? [];
      const fallback = defaultOf(entry);
      const shown = stated ??
        (isOptional(entry)
          ? fallback === undefined ? "none" : `\`${JSON.stringify(fallback)}\``
          : "**required**");
      const cells = [`\`${prefix}${key}\``, typeOf(unwrapped(entry)), shown, sentence];
      return [
        `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`,
        ...isSection(unwrapped(entry)) ? [] : nestedRows(unwrapped(entry), `${prefix}${key}.`),
      ];
    });
  }

  function nestedRows(schema: v.GenericSchema, prefix: string): string[] {
    const { kind } = factsOf(schema);
    return kind === "object" || kind === "choice" ? rowsOf(schema, prefix) : [];
  }
}

function entriesOf(schema: v.GenericSchema): v.GenericSchema[] {
  const facts = factsOf(schema);
  return facts.kind === "object" ? Object.values(facts.entries) : [];
}

function isSection(schema: v.GenericSchema): boolean {
  return SECTIONS.some(([, , section]) => factsOf(section) === factsOf(schema));
}

function typeOf(schema: v.GenericSchema): string {
  const facts: Facts = factsOf(schema);
  switch (facts.kind) {
    case "value":
      return facts.type;
    case "object":
      return "object";
    case "list":
      return `list of ${typeOf(facts.item)}`;
    case "record":
      return `map of name to ${typeOf(facts.value)}`;
    case "choice":
      return [...new Set(facts.options.map(typeOf))].join(", or ");
  }
}
