import * as v from "valibot";
import { choice, value } from "./facts.ts";
import { object, record } from "./object.ts";
import type { Reader } from "./reader.ts";
import { type Environment, flag, headerKey, text, unset } from "./values.ts";

/** A known client, whose key is in an environment variable. */
export const knownClientSchema = object({
  /** The environment variable that contains the client's key. */
  env: text,
  /** The client's tier, for which limits can have other rates. Default: none. */
  tier: v.optional(text),
});

type KnownClientConfig = v.InferInput<typeof knownClientSchema>;

const KNOWN_RULE =
  'must be "kv", or an object of clients such as { mobile: { env: "MOBILE_KEY" } }';
const fromStore = value('"kv"', { const: "kv" }, v.literal("kv"));
const bearer = value('"bearer"', { const: "bearer" }, v.literal("bearer"));
/** Known clients are parsed one by one. */
const unread = record(text, v.custom<KnownClientConfig>(() => true), KNOWN_RULE);

/** Known clients by name, or `"kv"` for records in the store. */
export const knownSchema = choice(
  v.lazy((input) => input === "kv" ? fromStore : unread),
  record(text, knownClientSchema, KNOWN_RULE),
  fromStore,
);

/** Where clients send their key. */
export const keyPlace = choice(
  v.union([bearer, headerKey], "must be bearer or header:NAME"),
  bearer,
  headerKey,
);

/** The known clients, and where they send their key. */
export const clientsSchema = object({
  /** Where clients send their key: `header:NAME`, or `bearer` for `Authorization: Bearer`. */
  key: keyPlace,
  /** The known clients by name, with keys from the environment; or `"kv"` for records in the store. */
  known: knownSchema,
  /** Whether a request without a known key is rejected with 401. */
  required: v.optional(flag, false),
});

/** @internal */
export type ClientsKeys = v.InferInput<typeof clientsSchema>;
/** Clients that identify themselves by a key. */
export type ClientsConfig = ClientsKeys;

/** A known client, with its key. */
export interface KnownKey {
  readonly name: string;
  readonly tier: string | undefined;
  readonly key: string;
}

/** The known clients, and where they send their key. */
export interface ClientSettings {
  readonly key: v.InferOutput<typeof clientsSchema>["key"];
  /** Undefined: the clients are records in the store. */
  readonly known: readonly KnownKey[] | undefined;
  readonly required: boolean;
}

/** Reads the known clients and their keys; undefined if they are records in the store. */
export function readKnown(
  input: ClientsConfig["known"],
  env: Environment,
  reader: Reader,
  at: readonly string[] = ["clients"],
): KnownKey[] | undefined {
  if (input === "kv") return undefined;
  return Object.entries(input).flatMap(([name, client]) => {
    const path = [...at, "known", name];
    const read = reader.read(knownClientSchema, client, path);
    if (!read) return [];
    const key = env(read.env);
    if (key === undefined) return reader.report(path, unset(read.env)) ?? [];
    return { name, tier: read.tier, key };
  });
}
