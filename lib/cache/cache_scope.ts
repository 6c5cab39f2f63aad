import type { Reply } from "../core/source.ts";
import type { CacheSettings } from "./reuse.ts";

/** What is cached under one name, and by which rules. */
export interface CacheScope {
  /** The upstream or the route. Responses of different names never share a key. */
  readonly name: string;
  readonly settings: CacheSettings;
  /** Identifies the part of the config that the responses are built from, where no call's `headerKey` does. */
  readonly configKey?: string;
  /** Whether each client has its own stored responses. */
  readonly isPerClient?: boolean;
  /** The largest body that is stored (bytes). */
  readonly maxEntryBytes: number;
  /** The upstream's base URL, for invalidation by `Location`; absent for anything but an HTTP API. */
  readonly base?: URL;
  /** The origins of the upstream's other targets. */
  readonly otherOrigins?: readonly string[];
  /** Whether a buffered response is worth storing (default: each is). */
  readonly isWorthStoring?: (reply: Reply) => boolean;
  /** Whether a response without an ETag gets one. */
  readonly generatesEtags?: boolean;
}
