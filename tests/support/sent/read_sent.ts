const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const TEXT = "[\\t\\x20-\\x7e\\x80-\\xff]*";
const STATUS_LINE = new RegExp(`^HTTP/1\\.([01]) ([1-5]\\d\\d)(?: ${TEXT})?$`);
const FIELD_LINE = new RegExp(`^(${TOKEN}):[\\t ]*(${TEXT})$`);
const SIZE_LINE = new RegExp(`^([0-9A-Fa-f]{1,13})[\\t ]*(?:;${TEXT})?$`);

/** What bytes are, as a response. */
export type ReadSent =
  | { readonly status: number; readonly body: string }
  | "malformed"
  /** More must come, or the connection has ended too early. */
  | "incomplete";

/**
 * Reads a response from all its bytes, one character each, as RFC 9112 says, and strictly where it
 * leaves a choice. It is short and slow: what a transport reads is compared with it.
 * @param isClosed whether the connection ends after them
 */
export function readSent(bytes: string, method: string, isClosed: boolean): ReadSent {
  const [head, rest] = cut(bytes, "\r\n\r\n");
  if (rest === undefined) return "incomplete";
  const [first = "", ...lines] = head.split("\r\n");
  const [, minor, digits] = STATUS_LINE.exec(first) ?? [];
  const fields = lines.map((line) => FIELD_LINE.exec(line));
  if (digits === undefined || digits === "101" || fields.includes(null)) return "malformed";
  const valuesOf = (name: string) =>
    fields.flatMap((field) => field?.[1]?.toLowerCase() === name ? field[2]?.split(",") ?? [] : [])
      .map((value) => value.replace(/^[\t ]+|[\t ]+$/g, "").toLowerCase());
  const codings = valuesOf("transfer-encoding");
  const [length, ...lengths] = valuesOf("content-length");
  if (codings.length > 0) {
    const isOnlyChunked = codings.length === 1 && codings[0] === "chunked";
    if (!isOnlyChunked || minor === "0" || length !== undefined) return "malformed";
  }
  if (length !== undefined && !/^\d{1,15}$/.test(length)) return "malformed";
  if (lengths.some((other) => other !== length)) return "malformed";
  const status = Number(digits);
  if (status < 200) return readSent(rest, method, isClosed);
  if (method === "HEAD" || status === 204 || status === 304) return { status, body: "" };
  if (codings.length > 0) return readChunks(rest, status);
  if (length === undefined) return isClosed ? { status, body: rest } : "incomplete";
  if (rest.length < Number(length)) return "incomplete";
  return { status, body: rest.slice(0, Number(length)) };
}

function readChunks(bytes: string, status: number): ReadSent {
  let body = "";
  let [line, rest] = cut(bytes, "\r\n");
  while (rest !== undefined) {
    const digits = SIZE_LINE.exec(line)?.[1];
    if (digits === undefined) return "malformed";
    const size = parseInt(digits, 16);
    if (size === 0) return readTrailers(rest, { status, body });
    if (rest.length < size) return "incomplete";
    body += rest.slice(0, size);
    [line, rest] = cut(rest.slice(size), "\r\n");
    if (rest === undefined) return "incomplete";
    if (line !== "") return "malformed";
    [line, rest] = cut(rest, "\r\n");
  }
  return "incomplete";
}

function readTrailers(bytes: string, response: ReadSent): ReadSent {
  let [line, rest] = cut(bytes, "\r\n");
  while (rest !== undefined) {
    if (line === "") return response;
    if (!FIELD_LINE.test(line)) return "malformed";
    [line, rest] = cut(rest, "\r\n");
  }
  return "incomplete";
}

/** What stands before a mark, and after it; undefined without one. */
function cut(text: string, mark: string): [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + mark.length)];
}
