import { Hono } from "hono";
import type { Clock } from "../../lib/core/clock.ts";
import { parseDuration } from "../../lib/config/units.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import { addressSubject, type Block, type BlockSubject } from "../../lib/operator/block.ts";
import type { Operator } from "../../lib/operator/operator.ts";
import type { OperatorEnv } from "./operator_env.ts";
import { NO_STORE } from "./no_store.ts";
import { readLimit, readQuery } from "./query.ts";
import { clientName } from "./subject.ts";

/** The default and the largest page of the list. */
const LISTED = 100;
const MOST_LISTED = 1_000;
/** The longest block (ms): a year. */
const LONGEST_MS = 365 * 86_400_000;
const REASON = /^[^\p{Cc}]{1,200}$/u;

/** The blocks: list, set and lift them. On the wire a block is a `ban`. */
export function blocksAdmin(operator: Operator, clock: Clock): Hono<OperatorEnv> {
  return new Hono<OperatorEnv>()
    .get("/", (c) => {
      const query = readQuery(c, ["limit", "after"]);
      const limit = readLimit(query.get("limit"), LISTED, MOST_LISTED);
      const all = operator.blocks.list(clock.wall());
      const rest = all.filter(({ of }) => of > (query.get("after") ?? ""));
      const bans = rest.slice(0, limit).map((block) => shownBlock(block, clock));
      const next = rest.length > limit ? bans.at(-1)?.who : undefined;
      return c.json({ total: all.length, bans, next: next ?? null }, 200, NO_STORE);
    })
    .put("/", async (c) => {
      const query = readQuery(c, ["client", "ip", "for", "reason"]);
      const of = subjectOf(query);
      const forMs = parseDuration(query.get("for"));
      if (forMs === undefined || forMs > LONGEST_MS) {
        throw new GatewayError(
          "bad-request",
          "for must be a duration such as 30s, 10m or 24h, of at most 8760h",
        );
      }
      const reason = query.get("reason");
      if (reason !== undefined && !REASON.test(reason)) {
        throw new GatewayError(
          "bad-request",
          "reason must have 1 to 200 characters, none of them a control character",
        );
      }
      const at = clock.wall();
      const block: Block = { of, at, until: at + forMs, ...(reason !== undefined && { reason }) };
      await operator.block(block);
      return c.json(shownBlock(block, clock), 200, NO_STORE);
    })
    .delete("/", async (c) => {
      const of = subjectOf(readQuery(c, ["client", "ip"]));
      return c.json({ who: of, lifted: await operator.lift(of) }, 200, NO_STORE);
    });
}

/** A block as the operator API shows it. */
export function shownBlock({ of, until, reason }: Block, clock: Clock) {
  return {
    who: of,
    until: new Date(until).toISOString(),
    seconds: Math.max(0, Math.ceil((until - clock.wall()) / 1000)),
    reason: reason ?? null,
  };
}

function subjectOf(query: ReadonlyMap<string, string>): BlockSubject {
  const client = query.get("client");
  const ip = query.get("ip");
  if ((client === undefined) === (ip === undefined)) {
    throw new GatewayError(
      "bad-request",
      "exactly one of client=NAME, ip=ADDRESS and ip=RANGE is required",
    );
  }
  if (client !== undefined) return `client ${clientName(client)}`;
  const subject = addressSubject(ip ?? "");
  if (subject) return subject;
  throw new GatewayError(
    "bad-request",
    "ip must be an address or a range, no wider than /8 (IPv4) or /16 (IPv6)",
  );
}
