import type { KnownClient } from "./client_directory.ts";
import { GatewayError } from "../core/errors.ts";
import { isRecord } from "../core/is_record.ts";
import type { KvChanges } from "./kv_changes.ts";

/** A client that was created at runtime. */
export interface ClientEntry {
  readonly name: string;
  readonly tier: string | undefined;
  /** When it was created (wall clock, ms since 1970). */
  readonly at: number;
  /** The SHA-256 of each of its keys, the newest last. */
  readonly hashes: readonly string[];
}

/** How many keys a client may have at once. */
const MOST_KEYS = 20;

/**
 * The clients in Deno KV: by key for requests (`["sluice", "client", SHA-256 of the key]` →
 * `{ name, tier }`), and by name for the operator (`["sluice", "client-name", name]` →
 * `{ hashes, tier, at }`). A record of the first kind that was written by hand makes its key known
 * too; the operator API never changes it.
 */
export class KvClients {
  readonly #kv: Deno.Kv;
  readonly #changes: KvChanges;

  constructor(kv: Deno.Kv, changes: KvChanges) {
    this.#kv = kv;
    this.#changes = changes;
  }

  /** Finds a client by its key. @param hash the key's SHA-256 */
  async find(hash: string): Promise<KnownClient | undefined> {
    return knownOf((await this.#kv.get(keyOf(hash))).value);
  }

  /** The client of that name; undefined when none was created at runtime. */
  async get(name: string): Promise<ClientEntry | undefined> {
    return entryOf(name, (await this.#kv.get(nameKey(name))).value);
  }

  /** Lists clients sorted by name. @param after the last name of the page before */
  async list(after: string | undefined, limit: number): Promise<ClientEntry[]> {
    const prefix = nameKey();
    // A list starts with its `start` key, so the key after that name has one more element.
    const selector = after === undefined ? { prefix } : { prefix, start: [...nameKey(after), ""] };
    const entries: ClientEntry[] = [];
    for await (const { key, value } of this.#kv.list(selector, { limit })) {
      const entry = entryOf(String(key.at(-1)), value);
      if (entry) entries.push(entry);
    }
    return entries;
  }

  /** Creates a client with one key. @throws {GatewayError} `bad-request` when name or key exists */
  async create(client: KnownClient, hash: string, at: number): Promise<ClientEntry> {
    return await this.#changes.make("clients", async (operation) => {
      const stored = await this.#kv.get(nameKey(client.name));
      if (entryOf(client.name, stored.value)) {
        throw new GatewayError("bad-request", `the client ${client.name} already exists`);
      }
      await this.#claimKey(client.name, hash);
      return this.#write(operation.check(stored), { ...client, at, hashes: [hash] });
    });
  }

  /** Adds a key to a client. @throws {GatewayError} `not-found`; `bad-request` */
  async addKey(name: string, hash: string): Promise<ClientEntry> {
    return await this.#change(name, async (entry, operation) => {
      if (entry.hashes.length >= MOST_KEYS) {
        throw new GatewayError(
          "bad-request",
          `${name} already has ${MOST_KEYS} keys; delete the old ones first`,
        );
      }
      await this.#claimKey(name, hash);
      const others = entry.hashes.filter((other) => other !== hash);
      return this.#write(operation, { ...entry, hashes: [...others, hash] });
    });
  }

  /** Deletes all keys of a client but the newest. @throws {GatewayError} `not-found` */
  async dropOldKeys(name: string): Promise<ClientEntry> {
    return await this.#change(name, (entry, operation) => {
      for (const hash of entry.hashes.slice(0, -1)) operation.delete(keyOf(hash));
      return this.#write(operation, { ...entry, hashes: entry.hashes.slice(-1) });
    });
  }

  /** Changes a client's tier; undefined for none. @throws {GatewayError} `not-found` */
  async setTier(name: string, tier: string | undefined): Promise<ClientEntry> {
    return await this.#change(
      name,
      (entry, operation) => this.#write(operation, { ...entry, tier }),
    );
  }

  /** Deletes a client and all its keys. @throws {GatewayError} `not-found` */
  async revoke(name: string): Promise<ClientEntry> {
    return await this.#change(name, (entry, operation) => {
      for (const hash of entry.hashes) operation.delete(keyOf(hash));
      operation.delete(nameKey(name));
      return entry;
    });
  }

  async #change(
    name: string,
    prepare: (
      entry: ClientEntry,
      operation: Deno.AtomicOperation,
    ) => ClientEntry | Promise<ClientEntry>,
  ): Promise<ClientEntry> {
    return await this.#changes.make("clients", async (operation) => {
      const stored = await this.#kv.get(nameKey(name));
      const entry = entryOf(name, stored.value);
      if (!entry) throw new GatewayError("not-found", `no client ${name} was created at runtime`);
      return await prepare(entry, operation.check(stored));
    });
  }

  /** Refuses a key that another client has: one key must identify one client. */
  async #claimKey(name: string, hash: string): Promise<void> {
    const holder = await this.find(hash);
    if (holder === undefined || holder.name === name) return;
    throw new GatewayError("bad-request", "another client has that key");
  }

  #write(operation: Deno.AtomicOperation, entry: ClientEntry): ClientEntry {
    const { name, tier, at, hashes } = entry;
    operation.set(nameKey(name), { hashes, tier, at });
    for (const hash of hashes) operation.set(keyOf(hash), { name, tier });
    return entry;
  }
}

function keyOf(hash: string): Deno.KvKey {
  return ["sluice", "client", hash];
}

function nameKey(...name: [] | [string]): Deno.KvKey {
  return ["sluice", "client-name", ...name];
}

/** A malformed record counts as unknown. */
function knownOf(value: unknown): KnownClient | undefined {
  if (!isRecord(value)) return undefined;
  const { name, tier } = value;
  if (typeof name !== "string" || !/^.{1,200}$/.test(name)) return undefined;
  return { name, tier: typeof tier === "string" ? tier : undefined };
}

function entryOf(name: string, value: unknown): ClientEntry | undefined {
  const client = isRecord(value) ? knownOf({ ...value, name }) : undefined;
  if (!client || !isRecord(value) || !Array.isArray(value.hashes)) return undefined;
  const hashes = value.hashes.filter((hash) => typeof hash === "string");
  return { ...client, at: typeof value.at === "number" ? value.at : 0, hashes };
}
