import { parseAcceptLanguage } from "../http/accept_language.ts";
import { splitList } from "./directives.ts";

const LANGUAGES = "accept-language";
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
 * around commas makes no difference, nor in `Accept-Language` case, order and how weights are
 * written; a header that is not there is another than an empty one.
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
 * Whether an answer that languages alone chose is in the one that a request wants most: the origin
 * has it in that language, and would choose it for this request too.
 */
export function isInWantedLanguage(answer: Headers, request: Headers): boolean {
  const language = answer.get("content-language")?.trim().toLowerCase();
  const wanted = request.get(LANGUAGES);
  if (language === undefined || wanted === null) return false;
  if (varyNames(answer).join() !== LANGUAGES) return false;
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
