import { splitList } from "./directives.ts";

const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;

/** The request headers that chose an answer (RFC 9111 section 4.1), in lower case, in order. */
export function varyNames(headers: Headers): string[] {
  return [...new Set(varyMembers(headers))].filter((name) => NAME.test(name)).sort();
}

/** Whether more than request headers chose an answer: no other request can be known to match. */
export function variesByMore(headers: Headers): boolean {
  return varyMembers(headers).some((name) => name === "*" || (name !== "" && !NAME.test(name)));
}

function varyMembers(headers: Headers): string[] {
  return headers.get("vary")?.split(",").map((name) => name.trim().toLowerCase()) ?? [];
}

/**
 * What a request says under those names, as a text that is equal for equal answers. White space
 * around commas makes no difference; a header that is not there is another than an empty one.
 */
export function selectionKey(names: readonly string[], request: Headers): string {
  if (names.length === 0) return "";
  const values = names.map((name) => {
    const value = request.get(name);
    return value && splitList(value).map((member) => member.trim()).join(",");
  });
  return JSON.stringify([names, values]);
}
