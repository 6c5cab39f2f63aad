import type { Bytes } from "../core/bytes.ts";
import { Body } from "../core/body.ts";
import { GatewayError, toGatewayError } from "../core/errors.ts";
import { FieldList } from "../core/field_list.ts";
import { Scope } from "../core/scope.ts";
import type { Call, Context, Reply, Source } from "../core/source.ts";
import { documentOf } from "../json/json_bytes.ts";
import { locate } from "../json/locate.ts";
import { itemsAt, kindAt, Members } from "../json/scan.ts";

/** How the values of a list are sent together, and how the response is split. */
export interface BatchCallsOptions {
  /** Sends one call for many values. */
  readonly source: Source;
  /** Makes the call for some values. */
  readonly call: (values: readonly unknown[]) => Call;
  /** Maximum values of a call. */
  readonly max: number;
  /** Maximum concurrent calls. */
  readonly concurrency: number;
  /** The keys that lead to the list in the response (default: the response itself). */
  readonly select?: readonly string[] | undefined;
  /** The keys that lead to an item's value; undefined: the response is an object by value. */
  readonly by?: readonly string[] | undefined;
}

/** What describes the response as a whole, and none of its items. */
const NOT_OF_ITEMS = [
  ...["etag", "last-modified", "content-length", "content-range", "accept-ranges", "link"],
  ...["content-md5", "digest", "content-digest", "repr-digest"],
] as const;

const DECODER = new TextDecoder();

/** A value whose call waits to be sent with others. */
interface Waiting {
  readonly value: unknown;
  readonly ctx: Context;
  readonly resolve: (reply: Reply) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Sends the calls for single values together, for one request.
 *
 * Why below the cache and the shared calls, as a source of single values: each value has its own
 * stored response and its own waiters, under the rules and keys that any call has, and only those
 * that nothing else responds to are sent.
 */
export class BatchCalls {
  readonly #options: BatchCallsOptions;
  readonly #waiting: Waiting[] = [];
  #expected = Infinity;
  #arrived = 0;
  /** What was sent with others has arrived before it ends. */
  readonly #joined = new Set<Call["sendWithOthers"]>();
  #running = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: BatchCallsOptions) {
    this.#options = options;
  }

  /** Says how many values there are: once all have come, nothing is waited for. */
  expect(values: number): void {
    this.#expected = values;
  }

  /** The same source, for values: counts those that need no call. */
  around(source: Source): Source {
    return (call, ctx) =>
      source(call, ctx).finally(() => {
        if (!this.#joined.has(call.sendWithOthers)) this.#arrive();
      });
  }

  /** Makes the call for one value, which is sent with others. */
  callFor(value: unknown): Call {
    const sendWithOthers = (ctx: Context) => {
      this.#joined.add(sendWithOthers);
      return this.#join(value, ctx);
    };
    return { ...this.#options.call([value]), sendWithOthers };
  }

  #join(value: unknown, ctx: Context): Promise<Reply> {
    ctx.signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ value, ctx, resolve, reject });
      this.#arrive();
      // Others may wait for the calls of other requests, and never come.
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#send(1);
      }, 0);
    });
  }

  #arrive(): void {
    this.#arrived++;
    this.#send(this.#arrived >= this.#expected ? 1 : this.#options.max);
  }

  /** Sends calls of at least so many values. */
  #send(least: number): void {
    const { max, concurrency } = this.#options;
    while (this.#waiting.length >= least && this.#running < concurrency) {
      this.#running++;
      this.#call(this.#waiting.splice(0, max)).finally(() => {
        this.#running--;
        this.#send(1);
      });
    }
    if (this.#waiting.length > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #call(chunk: readonly Waiting[]): Promise<void> {
    const present = chunk.filter((waiting) => !left(waiting));
    const [first] = present;
    if (first === undefined) return;
    using scope = new Scope();
    let live = present.length;
    const followers = present.map(({ ctx: { signal }, reject }) => {
      const leave = () => {
        reject(signal.reason);
        if (--live === 0) scope.cancel(toGatewayError(signal.reason));
      };
      signal.addEventListener("abort", leave, { once: true });
      return { signal, leave };
    });
    try {
      const call = this.#options.call(present.map(({ value }) => value));
      const deadline = Math.max(...present.map(({ ctx }) => ctx.deadline));
      const reply = await this.#options.source(call, {
        ...first.ctx,
        signal: scope.signal,
        deadline,
      });
      await this.#split(reply, present);
    } catch (error) {
      for (const { reject } of present) reject(error);
    } finally {
      for (const { signal, leave } of followers) signal.removeEventListener("abort", leave);
    }
  }

  async #split(reply: Reply, chunk: readonly Waiting[]): Promise<void> {
    const isJson = reply.status < 300 &&
      await reply.body.json(Infinity).then(() => true, () => false);
    // What is no list is refused by the policy that accepts responses, for each value.
    if (!isJson) return chunk.forEach(({ resolve }) => resolve(reply));
    const items = itemsBy(documentOf(await reply.body.bytes(Infinity)), this.#options);
    const headers = new FieldList(reply.headers);
    for (const name of NOT_OF_ITEMS) headers.delete(name);
    for (const { value, resolve, reject } of chunk) {
      const item = items.get(String(value));
      if (item) resolve({ ...reply, headers, body: Body.of(item) });
      else reject(missing());
    }
  }
}

function left({ ctx: { signal }, reject }: Waiting): boolean {
  if (signal.aborted) reject(signal.reason);
  return signal.aborted;
}

/** The items of a response, by the text of their values. */
function itemsBy(
  document: Bytes,
  { select = [], by }: Pick<BatchCallsOptions, "select" | "by">,
): Map<string, Bytes> {
  const place = locate(document, select);
  const kind = place && kindAt(document, place.start);
  if (place === undefined || kind !== (by ? "list" : "object")) {
    const what = by ? "list of items" : "object of items by value";
    throw new GatewayError("upstream-invalid", `the upstream's response has no ${what}`);
  }
  const items = new Map<string, Bytes>();
  if (by === undefined) {
    const members = new Members(document, place.start);
    while (members.next()) {
      const { nameStart, nameEnd, start, end } = members;
      items.set(textOf(document.subarray(nameStart, nameEnd)), document.subarray(start, end));
    }
    return items;
  }
  for (const { start, end } of itemsAt(document, place.start)) {
    const item = document.subarray(start, end);
    const value = locate(item, by);
    if (value) items.set(textOf(item.subarray(value.start, value.end)), item);
  }
  return items;
}

/** The text of a string, a number, or another value. */
function textOf(json: Bytes): string {
  const text = DECODER.decode(json);
  return text.startsWith('"') ? String(JSON.parse(text)) : text;
}

function missing(): GatewayError {
  return new GatewayError("upstream-refused", "the upstream's response has no such item");
}
