import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import { GatewayError, toGatewayError } from "../core/errors.ts";
import { joinLists } from "../json/json_bytes.ts";
import { pages, type PagesOptions } from "./pages.ts";
import { pick, type Selection } from "../json/pick.ts";
import { rename, type Renaming } from "../json/rename.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";

const NOTHING = Body.of(new Uint8Array());

/** A paginated list, and how to join it. */
export interface PagedOptions {
  /** The part's name. */
  readonly part: string;
  /** Fetches one page. */
  readonly source: Source;
  readonly walk: PagesOptions;
  /** The members to pick of each item (default all). */
  readonly pick?: Selection | undefined;
  /** The members to rename in each item (default none). */
  readonly rename?: Renaming | undefined;
  /** Whether a failed page fails the list. */
  readonly isStrict: boolean;
  /** Receives each page's list, a JSON document; the next page is requested once it has resolved. */
  readonly onPage?: ((list: Bytes, isLast: boolean) => Promise<void>) | undefined;
}

/**
 * Walks the pages of a list and replies with all of its items. When a page after the first fails, the
 * reply has the items before it, and its `failures` name the page.
 * @throws {GatewayError} when the first page fails; if strict, when any page fails
 */
export async function paged(options: PagedOptions, call: Call, ctx: Context): Promise<Reply> {
  const { part, source, walk, isStrict, onPage } = options;
  const lists: Bytes[] = [];
  const madeOf: Reply[] = [];
  let failure: GatewayError | undefined;
  try {
    for await (const { list: items, isLast, reply } of pages(source, call, ctx, walk)) {
      const picked = options.pick ? pick(items, options.pick) : items;
      const list = options.rename ? rename(picked, options.rename) : picked;
      ctx.buffers?.take(list.length);
      await onPage?.(list, isLast);
      lists.push(list);
      madeOf.push({ ...reply, body: NOTHING }); // its items are in `lists` already
    }
  } catch (thrown) {
    const error = toGatewayError(thrown);
    if (madeOf.length === 0 || error.kind === "cancelled") throw error;
    failure = atPage(madeOf.length + 1, error);
    if (isStrict) throw failure;
  }
  return {
    status: 200,
    headers: new Headers({ "content-type": "application/json" }),
    body: Body.of(joinLists(lists)),
    madeOf,
    ...(failure ? { failures: [{ part, error: failure }] } : {}),
  };
}

function atPage(page: number, error: GatewayError): GatewayError {
  const { kind, status, headers, extensions, message, cause } = error;
  return new GatewayError(kind, `page ${page}: ${message}`, {
    status,
    headers,
    extensions: { ...extensions, page },
    cause,
  });
}
