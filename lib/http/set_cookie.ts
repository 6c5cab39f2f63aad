/** Where an upstream's cookies belong in the client's view. */
export interface CookieMapping {
  /** The part of the upstream's path that the client does not see, such as `/internal`; may be empty. */
  readonly sent: string;
  /** What the client has in its place, such as `/v1`; may be empty. */
  readonly received: string;
  /** The path that was sent, without the base path. */
  readonly path: string;
  /** The prefix in `X-Forwarded-Prefix`; may be empty. */
  readonly prefix: string;
  /** The upstream's hosts, without ports. */
  readonly hosts: readonly string[];
  /** The host that the client called, without a port. */
  readonly requested: string;
}

/** Browsers take a cookie with this prefix only with `Path=/` and without a `Domain` (RFC 6265bis). */
const HOST_PREFIX = /^\s*__host-/i;
const ATTRIBUTE = /^(\s*)(path|domain)(\s*=\s*)(.*?)(\s*)$/is;

/**
 * Rewrites `Path` and `Domain` of an upstream's `Set-Cookie` for the client, and nothing else of it.
 *
 * - A path below the upstream's prefix moves below the client's; one above it becomes the client's
 *   prefix itself, so that no other upstream gets the cookie.
 * - A domain that is the upstream's, and not the client's, is removed: browsers would drop the cookie.
 */
export function rewriteSetCookie(field: string, mapping: CookieMapping): string {
  if (HOST_PREFIX.test(field)) return field;
  const [pair = "", ...attributes] = field.split(";");
  const isForeign = isForeignDomain(domainOf(attributes), mapping);
  const kept = attributes.flatMap((attribute) => {
    const [, before = "", name = "", equals = "", value = "", after = ""] =
      ATTRIBUTE.exec(attribute) ?? [];
    if (name.toLowerCase() === "domain") return isForeign ? [] : [attribute];
    if (!value.startsWith("/")) return [attribute];
    const path = pathFor(value, mapping);
    // A client's own path may have what would begin another attribute; without a path, it decides.
    return path.includes(";") ? [] : [before + name + equals + path + after];
  });
  return [pair, ...kept].join(";");
}

/** The domain that counts: the last one. */
function domainOf(attributes: readonly string[]): string {
  const last = attributes.findLast((attribute) => /^\s*domain\s*=/i.test(attribute)) ?? "";
  return last.replace(/^[^=]*=\s*\.?/, "").trim().toLowerCase();
}

function isForeignDomain(domain: string, { hosts, requested }: CookieMapping): boolean {
  if (domain === "" || isWithin(requested, domain)) return false;
  return hosts.some((host) => isWithin(host, domain));
}

/** Whether a cookie with the domain is for the host (RFC 6265 section 5.1.3). */
function isWithin(host: string, domain: string): boolean {
  return host === domain || (host.endsWith(`.${domain}`) && !/^[\d.]+$|:/.test(host));
}

function pathFor(path: string, { sent, received, path: requested, prefix }: CookieMapping): string {
  const isReached = isBelow(path, sent);
  // As for `Location`: an upstream that uses X-Forwarded-Prefix already has the client's path.
  const isClients = prefix !== "" && isBelow(path, prefix) && !isBelow(requested, prefix) &&
    (sent === "" || !isReached);
  if (isClients || sent === received) return path;
  if (isReached) {
    const rest = path.slice(sent.length);
    return received + (rest === "/" ? "" : rest) || "/";
  }
  return isBelow(sent, path.replace(/\/$/, "")) ? received || "/" : path;
}

function isBelow(pathname: string, prefix: string): boolean {
  return `${pathname}/`.startsWith(`${prefix}/`);
}

/**
 * Returns what two paths begin with before the segments that they share at their ends:
 * `/internal/a/b` and `/v1/a/b` differ in `/internal` and `/v1`.
 */
export function differingPrefixes(
  sent: string,
  received: string,
): Pick<CookieMapping, "sent" | "received"> {
  let [a, b] = [sent, received];
  while (a !== "" && b !== "") {
    const [atA, atB] = [a.lastIndexOf("/"), b.lastIndexOf("/")];
    if (a.slice(atA) !== b.slice(atB)) break;
    a = a.slice(0, Math.max(atA, 0));
    b = b.slice(0, Math.max(atB, 0));
  }
  return { sent: a.replace(/\/$/, ""), received: b.replace(/\/$/, "") };
}
