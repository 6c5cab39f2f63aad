import type * as v from "valibot";
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
\`lib/config/\` by \`deno task docs:config\`. For what the keys are good for, with examples, see
[configuration.md](configuration.md).

A JSON config completes and validates in an editor when it begins with
\`"$schema": "./gateway.schema.json"\`, the path of [gateway.schema.json](../gateway.schema.json).

| Type     | Written as                                                 |
| -------- | ---------------------------------------------------------- |
| duration | \`"250ms"\`, \`"2s"\`, \`"5m"\`, \`"1h"\`                          |
| size     | bytes: \`"512B"\`, \`"64KiB"\`, \`"4MiB"\`, \`"1GiB"\`             |
| rate     | tokens in a period: \`"5/s"\`, \`"100/min"\`, \`"1000/h"\`, \`"1/d"\` |
| template | a string with \`{name}\`: see [configuration.md](configuration.md#templates) |
`;

/** The nouns of a config, in the order of the page. */
const SECTIONS: readonly (readonly [title: string, introduction: string, v.GenericSchema])[] = [
  ["Top level", "", gatewaySchema],
  ["Every upstream", "`upstreams.NAME`, of whatever kind.", anyUpstreamSchema],
  ["HTTP upstream", "And for an HTTP API:", httpUpstreamSchema(() => "")],
  [
    "Function upstream",
    "And for an async function (TypeScript configs only):",
    functionUpstreamSchema,
  ],
  [
    "Function upstream that keeps something open",
    "And for one with a connection pool or its like (TypeScript configs only):",
    openedUpstreamSchema,
  ],
  [
    "Worker upstream",
    "And for a module whose function runs in threads; it has `workers` in place of `concurrency`.",
    workerUpstreamSchema,
  ],
  ["Clients", "`clients`: who is known, and by which key.", clientsSchema],
  ["Known client", "`clients.known.NAME`", knownClientSchema],
  ["Limit", "`limits.NAME`: a token bucket for each client that it counts.", limitSchema],
  ["Every route", '`routes["GET /path"]`, of whatever kind.', anyRouteSchema],
  ["Aggregate", "And for a route with several parts:", gatherSchema],
  ["Race", "And for a route whose parts compete:", firstSchema],
  ["Forward", "And for a route that passes requests on to one upstream:", forwardSchema],
  ["Batch", "And for a route that answers several requests at once:", batchSchema],
  ["Part", "A member of an aggregate or a race.", partSchema],
];

/** Keys that many nouns have stand in a section of their own. */
const SHARED: readonly v.GenericSchema[] = [anyUpstreamSchema, anyRouteSchema];

/** The page with every key: type, default, and one sentence. */
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
      return `list of: ${typeOf(facts.item)}`;
    case "record":
      return `object by name of: ${typeOf(facts.value)}`;
    case "choice":
      return [...new Set(facts.options.map(typeOf))].join(", or ");
  }
}
