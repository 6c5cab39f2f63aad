import { isRecord } from "../core/is_record.ts";
import { selectionOf } from "../json/pick.ts";
import { type Renaming, renamingOf } from "../json/rename.ts";
import {
  isIdentifier,
  type Reference,
  RESERVED,
  type TemplateName,
} from "../template/reference.ts";
import { cacheSettings } from "./cache.ts";
import { inputPath } from "./input_path.ts";
import { isParam } from "./is_param.ts";
import { DEFAULTS } from "../core/defaults.ts";
import type { Reader } from "./reader.ts";
import type { RoutePattern } from "./route_key.ts";
import type { PagesSettings } from "./pages.ts";
import { valuesTemplate } from "./batched_list.ts";
import { NO_UPSTREAM } from "./no_upstream.ts";
import { CALL_KEYS, partSchema, type PartSettings, type ReadPart, WHOLE_QUERY } from "./part.ts";
import type { UpstreamSettings } from "./upstream.ts";
import { suggest } from "./suggest.ts";
import { templateNames } from "./template_names.ts";
import { partCondition, type PartConditionSettings } from "./part_condition.ts";
import { reportCycle, reportNeverAbsent } from "./report_needs.ts";
import { ConditionError } from "../expression/condition.ts";

/** The surroundings of a route's parts. */
export interface PartsPlace {
  readonly pattern: RoutePattern;
  /** The path of the object that contains the parts. */
  readonly path: readonly string[];
  /** Whether the route is a race or has a quorum, where any part may fail and none is optional. */
  readonly isRace: boolean;
  /** Finds an upstream by name; undefined, and reported at that path, if there is none. */
  readonly find: (name: string, path: readonly string[]) => UpstreamSettings | undefined;
  /** Whether the upstream of that name is a worker, even an invalid one. */
  readonly isWorker: (name: string) => boolean;
  /**
   * Finds a worker by its module's path; undefined, and reported at that path, if there is none.
   */
  readonly workerOf: (file: string, path: readonly string[]) => UpstreamSettings | undefined;
  /** Whether the route's clients can have claims. */
  readonly hasClaims: boolean;
}

/** Parses the parts of a gather, and reports their problems. */
export function parseParts(input: unknown, place: PartsPlace, reader: Reader): PartSettings[] {
  const inputs = isRecord(input) ? Object.entries(input) : [];
  if (inputs.length === 0) reader.report(place.path, "must have at least one part");
  const names = inputs.map(([name]) => name);
  const parts = inputs.flatMap(([name, part]) =>
    new PartParser(name, names, place, reader).parse(part) ?? []
  );
  reportCycle(parts, place.path, reader);
  reportNeverAbsent(parts, place.path, reader);
  return parts;
}

class PartParser {
  readonly #name: string;
  /** The names of all parts of the route. */
  readonly #names: readonly string[];
  readonly #place: PartsPlace;
  readonly #path: readonly string[];
  readonly #reader: Reader;

  constructor(name: string, names: readonly string[], place: PartsPlace, reader: Reader) {
    this.#name = name;
    this.#names = names;
    this.#place = place;
    this.#path = [...place.path, name];
    this.#reader = reader;
  }

  parse(input: unknown): PartSettings | undefined {
    const { pattern } = this.#place;
    const name = this.#name;
    if (!isIdentifier(name)) {
      this.#report([], "must have a name of letters, digits and _, with no digit at its start");
    }
    if (RESERVED.some((reserved) => reserved === name) || pattern.params.includes(name)) {
      this.#report([], "must not have the name of a route parameter, query, header, body or item");
    }
    const parsed = this.#reader.read(partSchema, input, this.#path);
    if (!isRecord(input)) return undefined;
    const upstream = this.#upstream(input);
    if (!parsed) return undefined;
    if (parsed.value !== undefined) this.#checkValue(input);
    const isWorker = parsed.worker !== undefined || this.#place.isWorker(String(parsed.from));
    if (isWorker) this.#checkWorker(input);
    const passesAll = parsed.params === WHOLE_QUERY;
    const rest = {
      ...parsed,
      params: parsed.params === WHOLE_QUERY ? {} : parsed.params,
      body: parsed.value ?? parsed.batch?.body ?? parsed.body,
    };
    const read = isWorker ? { ...rest, path: inputPath(parsed.body), body: undefined } : rest;
    this.#checkKeys(read);
    if (!isWorker && parsed.value === undefined) this.#checkBody(read);
    const when = this.#when(read);
    const list = read.each ?? read.batch?.of;
    const ofBatch = read.batch?.body?.names ?? [];
    const names = [...templateNames({ ...read, when }), ...(list ? [list] : [])];
    for (const used of names) {
      this.#checkName(used, read.each !== undefined || ofBatch.includes(used));
    }
    return upstream && {
      name,
      upstream,
      method: read.method,
      isSafe: read.safe ?? false,
      path: read.path,
      params: read.batch?.param === undefined
        ? read.params
        : { ...read.params, [read.batch.param]: valuesTemplate(read.batch.join) },
      passesQuery: passesAll || read.path.passesQuery,
      headers: read.headers,
      body: read.body,
      timeoutMs: read.timeout ?? upstream.timeoutMs,
      cache: read.cache === undefined ? upstream.cache : cacheSettings(read.cache),
      needs: this.#needs(names, read.needs),
      when,
      acceptsSkipped: read.whenAbsent === "null",
      each: read.each && {
        items: read.each,
        concurrency: read.concurrency ?? DEFAULTS.eachConcurrency,
        max: read.max ?? DEFAULTS.eachMax,
      },
      batch: read.batch && {
        ...read.batch,
        concurrency: read.concurrency ?? DEFAULTS.eachConcurrency,
      },
      pages: read.pages && { ...read.pages, ...ownUrls(upstream) },
      as: read.as ?? "json",
      select: read.select,
      pick: read.pick && selectionOf(read.pick),
      rename: read.rename && this.#renaming(read.rename),
      isHidden: read.hidden ?? false,
      map: read.map,
      isExact: read.exact ?? DEFAULTS.mapExact,
      optional: read.optional ?? read.otherwise !== undefined,
      otherwise: read.otherwise,
    };
  }

  #upstream(
    { from, worker, value }: Record<string, unknown>,
  ): UpstreamSettings | undefined {
    const { find, workerOf } = this.#place;
    if (value !== undefined) return NO_UPSTREAM;
    if (from === undefined && worker === undefined) this.#report(["from"], "is required");
    if (from !== undefined && worker !== undefined) {
      this.#report(["from"], "must not be set together with worker");
    }
    if (typeof from === "string") return find(from, [...this.#path, "from"]);
    return typeof worker === "string" ? workerOf(worker, [...this.#path, "worker"]) : undefined;
  }

  /** A value makes no call. */
  #checkValue(input: Record<string, unknown>): void {
    for (const key of ["from", "worker", ...CALL_KEYS]) {
      if (key in input) this.#report([key], "must not be set together with value");
    }
  }

  /** A worker receives only `body`, and returns JSON. */
  #checkWorker(input: Record<string, unknown>): void {
    for (const key of ["path", "method", "safe", "params", "headers", "pages", "as", "batch"]) {
      if (key in input) this.#report([key], "must not be set for a worker");
    }
  }

  /** Reports keys that exclude each other. */
  #checkKeys(read: ReadPart): void {
    if (read.optional === false && read.otherwise !== undefined) {
      this.#report(["otherwise"], "must not be set together with optional: false");
    }
    for (const key of ["optional", "otherwise"] as const) {
      if (this.#place.isRace && read[key] !== undefined) {
        this.#report([key], "must not be set in a race, where any part may fail");
      }
    }
    if (read.each === undefined && read.max !== undefined) {
      this.#report(["max"], "must only be set together with each");
    }
    if (read.each === undefined && read.batch === undefined && read.concurrency !== undefined) {
      this.#report(["concurrency"], "must only be set together with each or batch");
    }
    this.#checkBatch(read);
    if (this.#place.isRace && read.hidden !== undefined) {
      this.#report(["hidden"], "must not be set in a race, where each part is a response");
    }
    for (const key of ["select", "pick", "rename"] as const) {
      if (read.as === "text" && read[key] !== undefined) {
        this.#report([key], 'must not be set together with as: "text"');
      }
    }
    if (read.exact !== undefined && read.map === undefined) {
      this.#report(["exact"], "must only be set together with map");
    }
    this.#checkPages(read);
    const itemNames = templateNames({ ...read, when: undefined }).filter(({ reference }) =>
      reference.from === "item"
    );
    if (read.each && itemNames.length === 0) {
      this.#report(["each"], "must be a list whose {item} is in a template of the part");
    }
    if (read.each && !this.#mayBeList(read.each.reference)) {
      this.#report(["each"], "must be a list: a part's data, body.NAME, query.NAME or claims.NAME");
    }
  }

  #renaming(names: Readonly<Record<string, string>>): Renaming {
    const renaming = renamingOf(names);
    const placed = Object.entries(names).map(([from, to]) =>
      JSON.stringify([...from.split(".").slice(0, -1), to])
    );
    if (new Set(placed).size < placed.length) {
      this.#report(["rename"], "must not give two members of an object the same name");
    }
    return renaming;
  }

  #when({ when }: ReadPart): PartConditionSettings | undefined {
    if (when === undefined) return undefined;
    const names = { params: this.#place.pattern.params, parts: this.#others };
    try {
      return partCondition(when, names);
    } catch (error) {
      if (!(error instanceof ConditionError)) throw error;
      const [, unknown] = /Unknown variable: (\w+)$/.exec(error.message) ?? [];
      const known = [...names.params, ...names.parts, ...RESERVED];
      const hint = unknown === undefined ? undefined : suggest(unknown, known);
      return this.#report(["when"], error.message, when, hint);
    }
  }

  /** Only HTTP calls have a method that matters. */
  #checkBody({ body, method, safe }: ReadPart): void {
    if (safe && method !== "POST") {
      this.#report(["safe"], `must only be set together with the method POST; got ${method}`);
    }
    if (body !== undefined && (method === "GET" || method === "HEAD")) {
      this.#report(["body"], `must not be set together with the method ${method}; set method`);
    }
  }

  /** Headers and route parameters are texts, so they cannot be lists. */
  #mayBeList(reference: Reference): boolean {
    if (reference.from === "param or part") return !isParam(reference, this.#place.pattern);
    return ["body", "query", "claims"].includes(reference.from);
  }

  #checkBatch({ batch, each, as, pages, params }: ReadPart): void {
    if (batch === undefined) return;
    for (const [key, isSet] of Object.entries({ each, as, pages })) {
      if (isSet !== undefined) this.#report(["batch"], `must not be set together with ${key}`);
    }
    if ((batch.param === undefined) === (batch.body === undefined)) {
      this.#report(["batch"], "must have either param or body");
    }
    if (batch.param !== undefined && batch.param in params) {
      this.#report(["batch", "param"], "must not be one of the part's params", batch.param);
    }
    if (batch.join !== undefined && batch.param === undefined) {
      this.#report(["batch", "join"], "must only be set together with param");
    }
    if (!this.#mayBeList(batch.of.reference)) {
      this.#report(
        ["batch", "of"],
        "must be a list: a part's data, body.NAME, query.NAME or claims.NAME",
      );
    }
  }

  #checkPages({ pages, each, as, select, method }: ReadPart): void {
    if (pages === undefined) return;
    if (each) this.#report(["pages"], "must not be set together with each");
    if (as === "text") this.#report(["pages"], 'must not be set together with as: "text"');
    if (method === "HEAD") this.#report(["pages"], "must not be set together with the method HEAD");
    if (select) this.#report(["select"], "must not be set together with pages; use pages.items");
    if (pages.next === "link" && pages.param !== undefined) {
      this.#report(["pages", "param"], "must only be set together with a JSON Pointer in next");
    }
  }

  /** A name refers to a parameter of the route, another part, or the item of an `each`. */
  #checkName({ name, reference }: TemplateName, hasItems: boolean): void {
    const { pattern, hasClaims } = this.#place;
    if (reference.from === "claims" && !hasClaims) {
      const rule = `"{${name}}" must only be used together with an auth that has claims`;
      this.#report([], rule);
    }
    if (reference.from === "item" && !hasItems) {
      this.#report([], `"{${name}}" must only be used together with each`);
    }
    if (reference.from !== "param or part" || isParam(reference, pattern)) return;
    if (this.#others.includes(reference.name)) return;
    const known = [...pattern.params, ...this.#others];
    const rule = `"{${name}}" must be a parameter of ${pattern.path} or another part`;
    this.#report([], rule, undefined, suggest(reference.name, known));
  }

  #needs(names: readonly TemplateName[], needs: readonly string[]): string[] {
    for (const need of needs) {
      if (this.#others.includes(need)) continue;
      const hint = suggest(need, this.#others);
      this.#report(["needs"], "must be the name of another part", need, hint);
    }
    const used = names.flatMap(({ reference }) =>
      reference.from === "param or part" && !isParam(reference, this.#place.pattern)
        ? reference.name
        : []
    );
    return [...new Set([...used, ...needs])];
  }

  get #others(): string[] {
    return this.#names.filter((name) => name !== this.#name);
  }

  #report(keys: readonly string[], rule: string, got?: unknown, hint?: string): undefined {
    this.#reader.report([...this.#path, ...keys], rule, got, hint);
  }
}

/** The URLs that the pages of an HTTP API may have. */
function ownUrls(upstream: UpstreamSettings): Pick<PagesSettings, "base" | "otherOrigins"> {
  if (!("base" in upstream)) return {};
  const { base, otherOrigins } = upstream;
  return { base, otherOrigins };
}
