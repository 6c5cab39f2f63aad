import { parseAcceptLanguage } from "../http/accept_language.ts";
import { splitList } from "./directives.ts";

const LANGUAGES = "accept-language";
const NAME = /^[!#$%&'*+.^_`|~\w-]+$/;

/** The request headers that select a response: `Vary`, in lower case, sorted (RFC 9111 section 4.1). */
export function varyNames(headers: Headers): string[] {
  if (!headers.has("vary")) return [];
  return [...new Set(varyMembers(headers))].filter((name) => NAME.test(name)).sort();
}

/** Whether a response varies by more than request headers (`Vary: *`): no other request matches. */
export function variesByMore(headers: Headers): boolean {
  return varyMembers(headers).some((name) => name === "*" || (name !== "" && !NAME.test(name)));
}

function varyMembers(headers: Headers): string[] {
  return headers.get("vary")?.split(",").map((name) => name.trim().toLowerCase()) ?? [];
}

/**
 * The values of the selecting headers in a request, as a key that is equal for requests that select the
 * same response. White space around commas makes no difference, nor do case, order and the notation of
 * weights in `Accept-Language`; an absent header differs from an empty one.
 */
export function selectionKey(names: readonly string[], request: Headers): string {
  if (names.length === 0) return "";
  const values = names.map((name) => {
    const value = request.get(name);
    return value && (name === LANGUAGES ? languagesOf(value) : membersOf(value));
  });
  return JSON.stringify([names, values]);
}

/**
 * Whether a response that varies by language alone is in the preferred language of a request: the origin
 * has that language, and would select it for this request too.
 */
export function isInWantedLanguage(response: Headers, request: Headers): boolean {
  const language = response.get("content-language")?.trim().toLowerCase();
  const wanted = request.get(LANGUAGES);
  if (language === undefined || wanted === null) return false;
  if (varyNames(response).join() !== LANGUAGES) return false;
  const [first, second] = parseAcceptLanguage(wanted) ?? [];
  return first?.tag === language && first.weight !== second?.weight;
}

function membersOf(value: string): string {
  return splitList(value).map((member) => member.trim()).join(",");
}

function languagesOf(value: string): string {
  const ranges = parseAcceptLanguage(value);
  return ranges?.map(({ tag, weight }) => `${tag};${weight}`).join(",") ?? membersOf(value);
}
