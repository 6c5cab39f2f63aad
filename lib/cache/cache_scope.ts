import type { Reply } from "../core/source.ts";
import type { CacheSettings } from "./reuse.ts";

/** What answers are kept of, and under which rules. */
export interface CacheScope {
  /** The upstream, or the route: answers of different names are never mixed up. */
  readonly name: string;
  readonly settings: CacheSettings;
  /** Stands for what of the config the answers are made of, where no call's `headerKey` does. */
  readonly configKey?: string;
  /** Whether each client has answers of its own. */
  readonly isPerClient?: boolean;
  /** The largest body that is kept (bytes). */
  readonly maxEntryBytes: number;
  /** Where the upstream is, to tell which addresses a change names; absent for no HTTP API. */
  readonly base?: URL;
  /** Whether a whole answer is worth keeping (default: each is). */
  readonly isWorthStoring?: (reply: Reply) => Promise<boolean>;
  /** Whether an answer gets an ETag that has none. */
  readonly generatesEtags?: boolean;
}
