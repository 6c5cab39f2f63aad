import type { PartSettings } from "./part.ts";
import { templateNames } from "./template_names.ts";

/**
 * The client's header that every part passes on, unless its `headers` set it. Workers receive none.
 */
const SENT_ON = "accept-language";

/** Returns the client's headers that a part's calls use, in lower case. */
export function clientHeadersOf(part: PartSettings): string[] {
  const named = templateNames(part).flatMap(({ reference }) =>
    reference.from === "header" ? reference.name.toLowerCase() : []
  );
  const sets = Object.keys(part.headers).some((name) => name.toLowerCase() === SENT_ON);
  return "worker" in part.upstream || "isStatic" in part.upstream || sets
    ? named
    : [...named, SENT_ON];
}

/** Whether a part sends an Authorization that depends on the request. */
export function sendsAuthorization({ headers }: Pick<PartSettings, "headers">): boolean {
  return Object.entries(headers).some(([name, { names }]) =>
    name.toLowerCase() === "authorization" && names.length > 0
  );
}
