import { CHUNKED, early, EVIL, good, head, OK, ok, type SentResponse } from "./sent_response.ts";

const LOST = { outcome: { fault: "closed" } } as const;
const CHUNKS = head(CHUNKED) + "2\r\nok\r\n0\r\n\r\n";

/** Connections that end too early. */
export const EARLY_ENDS: readonly SentResponse[] = [
  early("nothing", "", LOST),
  early("half a version", "HTTP/1", LOST),
  early("half a status line", "HTTP/1.1 20", LOST),
  early("a status line without its end", OK, LOST),
  early("a status line and CR", `${OK}\r`, LOST),
  early("a status line", `${OK}\r\n`, LOST),
  early("half a name", `${OK}\r\nX-`, LOST),
  early("half a head", `${OK}\r\nX-A:`, LOST),
  early("a head without its empty line", `${OK}\r\nX-A: a\r\n`, LOST),
  early("a head and CR", `${OK}\r\nX-A: a\r\n\r`, LOST),
  early("a length and nothing", head("Content-Length: 9")),
  early("less than the length", head("Content-Length: 9") + "ok"),
  early("one byte less than the length", head("Content-Length: 3") + "ok"),
  early("less than a length of 2^53", head("Content-Length: 9007199254740992") + "ok", {
    outcome: { fault: "malformed" },
    fetch: { outcome: { broken: "closed" } },
  }),
  early("no chunk", head(CHUNKED)),
  early("half a size", head(CHUNKED) + "1"),
  early("a size and CR", head(CHUNKED) + "2\r"),
  early("a size and nothing", head(CHUNKED) + "2\r\n"),
  early("half a chunk", head(CHUNKED) + "9\r\nok"),
  early("a chunk without its CR LF", head(CHUNKED) + "2\r\nok"),
  early("a chunk and CR", head(CHUNKED) + "2\r\nok\r"),
  early("no last chunk", head(CHUNKED) + "2\r\nok\r\n"),
  early("half a second size", head(CHUNKED) + "2\r\nok\r\n1"),
  early("half of the last chunk", head(CHUNKED) + "2\r\nok\r\n0"),
  early("a last chunk without its empty line", head(CHUNKED) + "2\r\nok\r\n0\r\n"),
  early("a last chunk and CR", head(CHUNKED) + "2\r\nok\r\n0\r\n\r"),
  early("no end of the trailers", head(CHUNKED) + "2\r\nok\r\n0\r\nA: b\r\n"),
  good("the end after the length", head("Content-Length: 2") + "ok", { ends: true }),
  good("the end after the last chunk", CHUNKS, { ends: true }),
  good("the end after a status 204", "HTTP/1.1 204 X\r\n\r\n", {
    outcome: { status: 204, body: "" },
    ends: true,
  }),
];

const NOT_AGAIN = { isReused: false } as const;

/** Bytes beyond the end, which must never be taken for the next response. */
export const BEYOND: readonly SentResponse[] = [
  good("a length, and another response", head("Content-Length: 2") + "ok" + EVIL, NOT_AGAIN),
  good("a length, and a byte", head("Content-Length: 2") + "okx", NOT_AGAIN),
  good("a length, and an empty line", head("Content-Length: 2") + "ok\r\n", NOT_AGAIN),
  good("a length, and half a response", head("Content-Length: 2") + `ok${OK}\r\nX-A: `, NOT_AGAIN),
  good("a length of 0, and another response", head("Content-Length: 0") + EVIL, {
    outcome: ok(""),
    ...NOT_AGAIN,
  }),
  good("chunks, and another response", CHUNKS + EVIL, NOT_AGAIN),
  good("chunks, and an empty line", CHUNKS + "\r\n", NOT_AGAIN),
  good("chunks, and another chunk", CHUNKS + "4\r\nevil\r\n0\r\n\r\n", NOT_AGAIN),
  good("trailers, and another response", `${CHUNKS.slice(0, -2)}A: b\r\n\r\n${EVIL}`, NOT_AGAIN),
  good(
    "close, and another response",
    head("Connection: close", "Content-Length: 2") + "ok" + EVIL,
    {
      ...NOT_AGAIN,
    },
  ),
  good("100 after it", head("Content-Length: 2") + "okHTTP/1.1 100 Continue\r\n\r\n", NOT_AGAIN),
  good("408 after it", head("Content-Length: 2") + "okHTTP/1.1 408 X\r\n\r\n", NOT_AGAIN),
  good("a response to HEAD with the body of GET", head("Content-Length: 2") + "ok", {
    method: "HEAD",
    outcome: ok(""),
    ...NOT_AGAIN,
  }),
  good("a response to HEAD with chunks", CHUNKS, {
    method: "HEAD",
    outcome: ok(""),
    ...NOT_AGAIN,
  }),
  good("304 with a body", "HTTP/1.1 304 X\r\nContent-Length: 2\r\n\r\nok", {
    outcome: { status: 304, body: "" },
    ...NOT_AGAIN,
  }),
  good("204 with a body", "HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\nok", {
    outcome: { status: 204, body: "" },
    ...NOT_AGAIN,
  }),
  good("204 with chunks", `HTTP/1.1 204 X\r\n${CHUNKED}\r\n\r\n2\r\nok\r\n0\r\n\r\n`, {
    outcome: { status: 204, body: "" },
    ...NOT_AGAIN,
  }),
  good(
    "204 that hides a response",
    `HTTP/1.1 204 X\r\nContent-Length: ${EVIL.length}\r\n\r\n${EVIL}`,
    {
      outcome: { status: 204, body: "" },
      ...NOT_AGAIN,
    },
  ),
];
