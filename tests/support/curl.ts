/** What curl commands of the documents ask. */
export interface CurlRequest {
  readonly path: string;
  readonly init: RequestInit & { readonly headers: Headers };
}

/** Reads a command such as `curl -X PUT 'http://127.0.0.1:8000/a?b' -H 'accept: x' -d '{}'`. */
export function parseCurl(command: string): CurlRequest {
  const words = [...command.matchAll(/'([^']*)'|([^\s\\]+)/g)].map(([, a, b]) => a ?? b ?? "");
  const after = (flag: string) =>
    words.flatMap((word, index) => word === flag ? [words[index + 1] ?? ""] : []);
  const [body] = after("-d");
  const [method = body === undefined ? "GET" : "POST"] = after("-X");
  const headers = new Headers(
    after("-H").map((line): [string, string] => {
      const [name = "", value = ""] = line.split(": ", 2);
      return [name, value];
    }),
  );
  const { pathname, search } = new URL(words.find((word) => word.startsWith("http")) ?? "");
  const init = { method, headers, ...(body !== undefined && { body }) };
  return { path: pathname + search, init };
}
