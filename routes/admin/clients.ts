import { Hono } from "hono";
import * as v from "valibot";
import { keyHash } from "../../lib/operator/client_directory.ts";
import type { Clock } from "../../lib/core/clock.ts";
import type { Settings } from "../../lib/config/gateway.ts";
import { GatewayError } from "../../lib/core/errors.ts";
import type { ClientEntry } from "../../lib/operator/kv_clients.ts";
import type { Operator } from "../../lib/operator/operator.ts";
import type { OperatorEnv, OperatorExchange } from "./operator_env.ts";
import { NO_STORE } from "./no_store.ts";
import { readLimit, readQuery } from "./query.ts";
import { readBody } from "./read_body.ts";

/** Dependencies of the routes for clients. */
export interface ClientsAdminOptions {
  readonly settings: Pick<Settings, "limits" | "clients">;
  readonly operator: Operator | undefined;
  readonly clock: Clock;
}

/** The default and the largest page of the list. */
const LISTED = 100;
const MOST_LISTED = 1_000;
/** The largest request body. */
const SENT = { maxBytes: 16 * 1024 };
/** The length of a generated key (bytes). */
const KEY_BYTES = 32;

const NAME_RULE =
  "name must have 1 to 100 letters, digits, spaces and ._@:+-, start and end with a letter or digit, and be in NFC";
const NAME = /^[\p{L}\p{N}](?:[\p{L}\p{N}\p{M} ._@:+-]{0,98}[\p{L}\p{N}\p{M}])?$/u;
const name = v.pipe(
  v.string(NAME_RULE),
  v.check((text) => NAME.test(text) && text === text.normalize("NFC"), NAME_RULE),
);
const KEY_RULE = "key must have 16 to 200 visible ASCII characters";
const key = v.pipe(v.string(KEY_RULE), v.regex(/^[\x21-\x7e]{16,200}$/, KEY_RULE));
const tier = v.string("tier must be a string, or null for none");

const created = v.strictObject({
  name,
  tier: v.optional(v.nullable(tier), null),
  key: v.optional(key),
}, 'the body must be an object such as {"name": "mobile", "tier": "pro"}');
const keyAdded = v.strictObject(
  { key: v.optional(key) },
  'the body must be empty, or an object such as {"key": "…"}',
);
const changed = v.strictObject(
  { tier: v.nullable(tier) },
  'the body must be an object such as {"tier": "pro"}',
);

/** Creates, lists, changes and revokes clients and their keys, where the config has `known: "kv"`. */
export function clientsAdmin(
  { settings, operator, clock }: ClientsAdminOptions,
): Hono<OperatorEnv> {
  const tiers = [...new Set(settings.limits.flatMap(({ tiers }) => [...tiers.keys()]))];
  const known = (tier: string | null): string | undefined => {
    if (tier === null || tiers.includes(tier)) return tier ?? undefined;
    const which = tiers.length === 0 ? "no limit has tiers" : `the tiers are ${tiers.join(", ")}`;
    throw new GatewayError("bad-request", `no limit has that tier; ${which}`);
  };
  const app = new Hono<OperatorEnv>();
  // The clients of a config do not change while the gateway runs.
  if (!operator || !settings.clients || settings.clients.known) {
    return app.all("*", () => {
      throw new GatewayError(
        "not-found",
        'clients can be changed at runtime only with clients.known: "kv" in the config',
      );
    });
  }
  return app
    .get("/", async (c) => {
      const query = readQuery(c, ["limit", "after"]);
      const limit = readLimit(query.get("limit"), LISTED, MOST_LISTED);
      const after = query.get("after");
      if (after !== undefined && !NAME.test(after)) {
        throw new GatewayError("bad-request", NAME_RULE);
      }
      const entries = await operator.readClients((clients) => clients.list(after, limit + 1));
      const listed = entries.slice(0, limit);
      const next = entries.length > limit ? listed.at(-1)?.name : undefined;
      return c.json({ clients: listed.map(shown), next: next ?? null }, 200, NO_STORE);
    })
    .post("/", async (c) => {
      const { name, tier, key = newKey() } = await readBody(c, created, SENT);
      const client = { name, tier: known(tier) };
      const entry = await operator.changeClients((clients) =>
        clients.create(client, keyHash(key), clock.wall())
      );
      return c.json({ ...shown(entry), key }, 201, NO_STORE);
    })
    .get("/:name", async (c) => {
      const name = nameOf(c);
      const entry = await operator.readClients((clients) => clients.get(name));
      if (!entry) throw new GatewayError("not-found", `no client ${name} was created at runtime`);
      return c.json(shown(entry), 200, NO_STORE);
    })
    .patch("/:name", async (c) => {
      const tier = known((await readBody(c, changed, SENT)).tier);
      const name = nameOf(c);
      const entry = await operator.changeClients((clients) => clients.setTier(name, tier));
      return c.json(shown(entry), 200, NO_STORE);
    })
    .delete("/:name", async (c) => {
      const name = nameOf(c);
      const { hashes } = await operator.changeClients((clients) => clients.revoke(name));
      return c.json({ name, revoked: hashes.length }, 200, NO_STORE);
    })
    .post("/:name/keys", async (c) => {
      const { key = newKey() } = await readBody(c, keyAdded, { ...SENT, nothing: {} });
      const name = nameOf(c);
      const entry = await operator.changeClients((clients) => clients.addKey(name, keyHash(key)));
      return c.json({ ...shown(entry), key }, 201, NO_STORE);
    })
    .delete("/:name/keys", async (c) => {
      const name = nameOf(c);
      const entry = await operator.changeClients((clients) => clients.dropOldKeys(name));
      return c.json(shown(entry), 200, NO_STORE);
    });
}

/** A client as the operator API shows it: with the number of its keys, never the keys. */
function shown({ name, tier, at, hashes }: ClientEntry) {
  return { name, tier: tier ?? null, since: new Date(at).toISOString(), keys: hashes.length };
}

function newKey(): string {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES))
    .toBase64({ alphabet: "base64url", omitPadding: true });
}

/** The name in the path; a name that no client can have is not looked up. */
function nameOf(c: OperatorExchange): string {
  const name = c.req.param("name") ?? "";
  if (NAME.test(name)) return name;
  throw new GatewayError("not-found", "no client has this name");
}
