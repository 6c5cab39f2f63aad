/** A URL, up to what no URL contains; not the file of a stack's line, which has its own kind of query. */
const URLS = /\b(?!file:)[a-z][a-z\d+.-]*:\/\/[^\s"'`<>]*/gi;
const USER = /^([^:]+:\/\/)[^/?#]*@/;
const QUERY = /[?#].*$/s;

/**
 * Removes user names, passwords, queries and fragments from the URLs in a text, as in the messages of
 * libraries. Messages of the gateway itself contain none.
 */
export function withoutSecrets(text: string): string {
  if (!text.includes("://")) return text;
  return text.replaceAll(URLS, (url) => url.replace(USER, "$1").replace(QUERY, "?…"));
}
