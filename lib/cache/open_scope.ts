import type { CacheScope } from "./cache_scope.ts";
import type { CacheSettings } from "./reuse.ts";
import { UnstorableRun } from "./unstorable_run.ts";

/** A scope in use: what is the same for all of its requests, and what its responses have shown. */
export class OpenScope {
  /** The settings for personal requests: the response itself has to allow reuse, the config cannot. */
  readonly personalSettings: CacheSettings;
  /** What each of its keys begins with. */
  readonly prefix: string;
  readonly #shared = new UnstorableRun();
  readonly #personal = new UnstorableRun();

  /** @param scope the config's part of it */
  constructor(readonly scope: CacheScope) {
    this.personalSettings = { ...scope.settings, ttlMs: undefined, override: false };
    this.prefix = `${scope.name} `;
  }

  /** The run of requests like this one. @param isOwn whether they carry something of one client */
  runOf(isOwn: boolean): UnstorableRun {
    return isOwn ? this.#personal : this.#shared;
  }
}
