import { turns } from "../async/turns.ts";
import { type Bytes, joinBytes } from "../core/bytes.ts";
import { DEFAULTS } from "../core/defaults.ts";
import { GatewayError } from "../core/errors.ts";
import { JsonDocument } from "../json/json_document.ts";
import { locate } from "../json/locate.ts";
import { itemsAt } from "../json/scan.ts";
import { nextPath, pageUrl } from "./next_page.ts";
import { follow, parsePointer } from "../json/pointer.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";

/** How to walk the pages of a list. */
export interface PagesOptions {
  /** `"link"` for the `Link` header's `rel="next"`, or a JSON Pointer to the next page in the body. */
  readonly next: "link" | `/${string}`;
  /** The query parameter that takes a cursor. */
  readonly param?: string | undefined;
  /** A JSON Pointer to the list in each page (default `""`: the page itself). */
  readonly items?: string | undefined;
  /** Maximum pages (default 10). */
  readonly max?: number | undefined;
  /** Maximum items of all pages (default 1000). */
  readonly maxItems?: number | undefined;
  /** What to do when a maximum is exceeded: fail, or leave out the rest (default `"fail"`). */
  readonly whenMore?: "fail" | "stop" | undefined;
  /** The base URL of the source's paths, which no page may leave; absent for a function source. */
  readonly base?: URL;
  /** The origins of the source's other targets, whose URLs count as its own. */
  readonly otherOrigins?: readonly string[];
}

/** One page of a list. */
export interface Page {
  /** Counted from 1. */
  readonly number: number;
  /** Its items, at most as many as `maxItems` still allows. */
  readonly items: readonly unknown[];
  /** The same items as a JSON list, byte for byte. */
  readonly list: Bytes;
  /** Whether it is the last page of the walk. */
  readonly isLast: boolean;
  /** The source's reply. */
  readonly reply: Reply;
}

const ENCODER = new TextEncoder();
const OPEN = ENCODER.encode("[");
const CLOSE = ENCODER.encode("]");
const EMPTY_LIST = ENCODER.encode("[]");

/**
 * Walks a paginated list: yields a page, and requests the next one only when the consumer wants it,
 * until a page names no next one.
 *
 * No page may leave the source's origin and base path. `max` (10) bounds the pages, `maxItems` (1000)
 * the items.
 *
 * It throws a GatewayError: the source's own; `upstream-error` for a status of 300 or more;
 * `upstream-invalid` for a page that has no list, leads off the source, or leads back to an earlier
 * page; `too-many-items` past a maximum, unless `whenMore` is `"stop"`. Pages yielded before the
 * error are valid.
 *
 * @example
 * ```ts
 * import { type Context, json, pages, type Source } from "sluice";
 *
 * declare const orders: Source;
 *
 * async function newest(ctx: Context) {
 *   const call = { method: "GET", path: "/orders", headers: new Headers() };
 *   for await (const { items } of pages(orders, call, ctx, { next: "link" })) {
 *     const order = items.find((order) => order !== null);
 *     if (order !== undefined) return json(order);
 *   }
 *   return json(null);
 * }
 * ```
 */
export async function* pages(
  source: Source,
  call: Call,
  ctx: Context,
  options: PagesOptions,
): AsyncGenerator<Page, void, void> {
  const { param, base, otherOrigins, whenMore = "fail" } = options;
  const { max = DEFAULTS.pagesMax, maxItems = DEFAULTS.pagesMaxItems } = options;
  const next = options.next === "link" ? options.next : keysOf(options.next);
  const itemKeys = keysOf(options.items ?? "");
  const rule = { next, param, firstPath: call.path, base, otherOrigins };
  const visited = new Map<string, number>();
  let path = call.path;
  let count = 0;
  for (let number = 1;; number++) {
    ctx.signal.throwIfAborted();
    visited.set(pageUrl(path, base).href, number);
    const reply = await source({ ...call, path }, ctx);
    const turn = turns.take(reply.body.length ?? 0);
    if (turn) await turn;
    const value = await valueOf(reply);
    const document = new JsonDocument(await reply.body.bytes(Infinity), value);
    const pageItems = itemsOf(value, itemKeys);
    const room = maxItems - count;
    if (pageItems.length > room && whenMore === "fail") {
      throw tooMany(`more than ${maxItems} items`, count, number - 1);
    }
    count += pageItems.length;
    const after = nextPath({ number, headers: reply.headers, document, path }, rule);
    const isEnough = whenMore === "stop" && (number >= max || count >= maxItems);
    const isLast = after === undefined || isEnough;
    const items = pageItems.slice(0, room);
    yield { number, items, list: listOf(document, itemKeys, items.length), isLast, reply };
    if (isLast) return;
    if (after instanceof GatewayError) throw after;
    const before = visited.get(pageUrl(after, base).href);
    if (before !== undefined) throw invalid(`page ${number} leads back to page ${before}`);
    if (number >= max) {
      throw tooMany(`more than ${max} pages`, count, number);
    }
    path = after;
  }
}

function keysOf(pointer: string): readonly string[] {
  const keys = parsePointer(pointer);
  if (keys === undefined) throw new TypeError(`${pointer} is not a JSON Pointer`);
  return keys;
}

async function valueOf({ status, body }: Reply): Promise<unknown> {
  if (status >= 300) {
    throw new GatewayError("upstream-error", `the upstream returned ${status}`, {
      receivedStatus: status,
    });
  }
  try {
    return await body.json(Infinity);
  } catch (error) {
    throw new GatewayError("upstream-invalid", "the upstream's response is not JSON", {
      cause: error,
    });
  }
}

/** An empty body, and null instead of a list, count as a page without items. */
function itemsOf(value: unknown, keys: readonly string[]): readonly unknown[] {
  if (value === undefined) return [];
  const items = follow(value, keys);
  if (items === null) return [];
  if (Array.isArray(items)) return items;
  const place = keys.map((key) => `/${key}`).join("");
  throw invalid(`the upstream's response has no list${place === "" ? "" : ` at ${place}`}`);
}

/** The first `count` items as a list, without white space around its brackets. */
function listOf({ bytes }: JsonDocument, keys: readonly string[], count: number): Bytes {
  const place = count > 0 ? locate(bytes, keys) : undefined;
  const items = place ? itemsAt(bytes, place.start) : [];
  const [first, last] = [items[0], items[count - 1]];
  if (!first || !last) return EMPTY_LIST;
  return joinBytes([OPEN, bytes.subarray(first.start, last.end), CLOSE]);
}

function invalid(detail: string): GatewayError {
  return new GatewayError("upstream-invalid", detail);
}

function tooMany(what: string, items: number, pages: number): GatewayError {
  return new GatewayError("too-many-items", `${what}; read: ${items} items on ${pages} pages`);
}
