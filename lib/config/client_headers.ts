import type { PartSettings } from "./part.ts";
import { templateNames } from "./template_names.ts";

/** What every part sends on, unless its `headers` say otherwise. A worker is sent no headers. */
const SENT_ON = "accept-language";

/** The client's headers that a part's calls are made of, in lower case. */
export function clientHeadersOf(part: PartSettings): string[] {
  const named = templateNames(part).flatMap(({ reference }) =>
    reference.from === "header" ? reference.name.toLowerCase() : []
  );
  const sets = Object.keys(part.headers).some((name) => name.toLowerCase() === SENT_ON);
  return "worker" in part.upstream || sets ? named : [...named, SENT_ON];
}

/** Whether a part sends an Authorization that some request, and not the config alone, decides. */
export function sendsAuthorization({ headers }: Pick<PartSettings, "headers">): boolean {
  return Object.entries(headers).some(([name, { names }]) =>
    name.toLowerCase() === "authorization" && names.length > 0
  );
}
