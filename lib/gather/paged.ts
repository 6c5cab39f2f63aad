import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";
import { GatewayError, toGatewayError } from "../core/errors.ts";
import { joinLists } from "../json/json_bytes.ts";
import { pages, type PagesOptions } from "./pages.ts";
import { pick, type Selection } from "../json/pick.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";

const NOTHING = Body.of(new Uint8Array());

/** A list that comes in pages, and how it is put together. */
export interface PagedOptions {
  /** The part's name. */
  readonly part: string;
  /** Answers one page. */
  readonly source: Source;
  readonly walk: PagesOptions;
  /** The members that are kept of each item (default all). */
  readonly pick?: Selection | undefined;
  /** Whether a page that fails fails the whole. */
  readonly isStrict: boolean;
  /** Told of each page's list, a JSON document; the next page is asked for once it has resolved. */
  readonly onPage?: ((list: Bytes, isLast: boolean) => Promise<void>) | undefined;
}

/**
 * Walks the pages of a list, and answers with the whole of it. When a page after the first fails,
 * the answer is what was read before it, and its `failures` say at which page it ended.
 * @throws {GatewayError} when the first page fails; when it is strict, whichever fails
 */
export async function paged(options: PagedOptions, call: Call, ctx: Context): Promise<Reply> {
  const { part, source, walk, isStrict, onPage } = options;
  const lists: Bytes[] = [];
  const madeOf: Reply[] = [];
  let failure: GatewayError | undefined;
  try {
    for await (const { list: items, isLast, reply } of pages(source, call, ctx, walk)) {
      const list = options.pick ? pick(items, options.pick) : items;
      ctx.buffers?.take(list.length);
      await onPage?.(list, isLast);
      lists.push(list);
      madeOf.push({ ...reply, body: NOTHING }); // its items are in the list, once is enough
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
