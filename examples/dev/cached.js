const list = document.getElementById("cached");
const rows = new Map();

/**
 * Shows what `Cache-Status` (RFC 9211) says of a response, or of one of its parts.
 * @returns whether it is a hit
 */
export function showCached(name, { headers }, part) {
  const members = (headers.get("cache-status") ?? "").split(", ");
  const member = members.find((one) => one !== "" && (!part || one.includes(`detail="${part}"`)));
  const isHit = member !== undefined && /; hit\b/.test(member);
  const ttl = /;\s*ttl=(\d+)/.exec(member ?? "")?.[1];
  const fresh = ttl ? `, fresh for ${ttl} s` : "";
  if (member !== undefined) rowOf(name).textContent = (isHit ? "hit" : "miss, stored now") + fresh;
  // A stream's headers are sent before a part that comes later is there.
  else if (part && headers.has("x-request-id")) rowOf(name).textContent = "called just now";
  return isHit;
}

function rowOf(name) {
  const known = rows.get(name);
  if (known) return known;
  const [term, description] = ["dt", "dd"].map((tag) => document.createElement(tag));
  term.textContent = name;
  list.append(term, description);
  rows.set(name, description);
  return description;
}
