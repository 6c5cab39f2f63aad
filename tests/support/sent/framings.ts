import {
  bad,
  CHUNKED,
  chunked,
  good,
  head,
  lenient,
  ok,
  type SentResponse,
} from "./sent_response.ts";

const twice = { headers: { "content-length": "2" } };
const coded = (value: string, name = "Transfer-Encoding") => head(`${name}: ${value}`);
const CHUNKS = "2\r\nok\r\n0\r\n\r\n";
/** `fetch` takes the last coding for the framing, and leaves the others. */
const AS_CHUNKED = lenient();
/** `fetch` reads an unknown coding to the end of the connection. */
const UNTIL_END = { ends: true, ...lenient("ok", { isReused: false }) };

/** Content-Length (RFC 9112 section 6.2). */
export const LENGTHS: readonly SentResponse[] = [
  good("a length", head("Content-Length: 2") + "ok"),
  good("a length of 0", head("Content-Length: 0"), { outcome: ok("") }),
  good("a length with zeros before", head("Content-Length: 002") + "ok"),
  good("a length between blanks", head("Content-Length: \t 2 \t") + "ok"),
  good("a length and no blank", head("Content-Length:2") + "ok"),
  good("a length in capitals", head("CONTENT-LENGTH: 2") + "ok"),
  good("the same length twice", head("Content-Length: 2", "Content-Length: 2") + "ok", {
    ...twice,
    fetch: { headers: { "content-length": "2, 2" } },
  }),
  good("the same length twice in a line", head("Content-Length: 2, 2") + "ok", {
    ...twice,
    fetch: { headers: { "content-length": "2, 2" } },
  }),
  good("a body with its own idea of HTTP", head("Content-Length: 19") + `HTTP/1.1 500 X\r\n\r\nx`, {
    outcome: ok("HTTP/1.1 500 X\r\n\r\nx"),
  }),
  good("a body of all bytes", head("Content-Length: 256") + allBytes(), {
    outcome: ok(allBytes()),
  }),
  good("neither length nor chunks", head() + "ok", { ends: true }),
  good("neither length nor chunks, and nothing", head(), { outcome: ok(""), ends: true }),
  good("a response until the end that looks like chunks", head() + CHUNKS, {
    outcome: ok(CHUNKS),
    ends: true,
  }),
  bad("two lengths", head("Content-Length: 2", "Content-Length: 3") + "ok!"),
  bad("two lengths in a line", head("Content-Length: 2, 3") + "ok!"),
  bad("a length thrice, one other", head("Content-Length: 2, 2", "Content-Length: 3") + "ok!"),
  bad("a length and nothing in a list", head("Content-Length: 2,") + "ok"),
  bad("nothing and a length in a list", head("Content-Length: ,2") + "ok"),
  bad(
    "the same length, spelled otherwise",
    head("Content-Length: 2", "Content-Length: 02") + "ok",
    lenient(),
  ),
  bad("a negative length", head("Content-Length: -2") + "ok"),
  bad("a length of -0", head("Content-Length: -0")),
  bad("a length with a sign", head("Content-Length: +2") + "ok"),
  bad("a length in hexadecimal", head("Content-Length: 0x2") + "ok"),
  bad("a length in hexadecimal without a prefix", head("Content-Length: a") + "0123456789"),
  bad("a length with an exponent", head("Content-Length: 2e0") + "ok"),
  bad("a fraction as length", head("Content-Length: 2.0") + "ok"),
  bad("an empty length", head("Content-Length:") + "ok"),
  bad("a length of words", head("Content-Length: two") + "ok"),
  bad("a length with a unit", head("Content-Length: 2 bytes") + "ok"),
  bad("a quoted length", head('Content-Length: "2"') + "ok"),
  bad("a length and a blank within", head("Content-Length: 2 2") + "ok"),
  bad("a length with a separator", head("Content-Length: 1_0") + "0123456789"),
  bad("a length in other digits", head("Content-Length: \xb2") + "ok"),
  bad("a length after a byte that only text knows as blank", head("Content-Length: \xa02") + "ok"),
  bad("a length beyond 64 bits", head("Content-Length: 99999999999999999999") + "ok"),
  bad("a length that would wrap to 2", head("Content-Length: 18446744073709551618") + "ok"),
  bad("a length and chunks", head("Content-Length: 2", CHUNKED) + CHUNKS, lenient()),
  bad("chunks and a length", head(CHUNKED, "Content-Length: 2") + CHUNKS, lenient()),
  bad("a stale length and chunks", head("Content-Length: 9", CHUNKED) + CHUNKS, {
    ...lenient("ok", { headers: { "content-length": null } }),
  }),
  bad("a length of 0 and chunks", head("Content-Length: 0", CHUNKED) + CHUNKS, lenient()),
  bad("a bad length and chunks", head("Content-Length: x", CHUNKED) + CHUNKS, {
    ...lenient(),
  }),
  bad("a length and identity", head("Content-Length: 2", "Transfer-Encoding: identity") + "ok", {
    ...UNTIL_END,
  }),
];

/** Transfer-Encoding (RFC 9112 section 6.1). */
export const TRANSFER_CODINGS: readonly SentResponse[] = [
  good("a coding in capitals", coded("CHUNKED") + CHUNKS),
  good("a coding in mixed letters", coded("Chunked", "TRANSFER-encoding") + CHUNKS),
  good("a coding between blanks", coded(" \tchunked\t ") + CHUNKS),
  bad("a coding that is not chunked", coded("gzip") + "ok", UNTIL_END),
  bad("identity", coded("identity") + "ok", UNTIL_END),
  bad("an empty coding", coded("") + "ok", UNTIL_END),
  bad("chunked and another coding before", coded("gzip, chunked") + CHUNKS, AS_CHUNKED),
  bad("chunked and identity before", coded("identity, chunked") + CHUNKS, AS_CHUNKED),
  bad("chunked and another coding after", coded("chunked, gzip") + "ok", UNTIL_END),
  bad("chunked and identity after", coded("chunked, identity") + "ok", UNTIL_END),
  bad("chunked twice", coded("chunked, chunked") + CHUNKS, AS_CHUNKED),
  bad("chunked in two lines", head(CHUNKED, CHUNKED) + CHUNKS, AS_CHUNKED),
  bad("codings in two lines", head("Transfer-Encoding: gzip", CHUNKED) + CHUNKS, AS_CHUNKED),
  bad("a coding like chunked", coded("xchunked") + "ok", UNTIL_END),
  bad("chunked and a letter", coded("chunkedx") + "ok", UNTIL_END),
  bad("chunked with a parameter", coded("chunked;q=1") + "ok", UNTIL_END),
  bad("chunked in quotes", coded('"chunked"') + "ok", UNTIL_END),
  bad("chunked and a comma", coded("chunked,") + "ok", UNTIL_END),
  bad("a comma and chunked", coded(",chunked") + CHUNKS, AS_CHUNKED),
  bad("chunked after a vertical tab", coded("\x0bchunked") + CHUNKS),
  bad("chunked, folded", coded("\r\n chunked") + CHUNKS),
  bad("chunked in HTTP/1.0", `HTTP/1.0 200 OK\r\n${CHUNKED}\r\n\r\n${CHUNKS}`),
  bad(
    "chunked and a length in HTTP/1.0",
    [
      "HTTP/1.0 200 OK",
      CHUNKED,
      "Content-Length: 2",
      "",
      "ok",
    ].join("\r\n"),
  ),
];

/** Whether the connection may serve another request (RFC 9112 section 9.3). */
export const CONNECTIONS: readonly SentResponse[] = [
  closing("Connection: close", "Connection: close"),
  closing("Connection: CLOSE", "Connection: CLOSE"),
  closing("close among other options", "Connection: x, Close"),
  closing("close in a second line", "Connection: x", "Connection: close"),
  good("an option like close", head("Connection: closed", "Content-Length: 2") + "ok"),
  good("Connection: keep-alive", head("Connection: keep-alive", "Content-Length: 2") + "ok"),
  good("a keep-alive of one second", head("Keep-Alive: timeout=1", "Content-Length: 2") + "ok", {
    isReused: false,
    fetch: { isReused: true },
  }),
  good("a keep-alive of no time", head("Keep-Alive: timeout=0", "Content-Length: 2") + "ok", {
    isReused: false,
    fetch: { isReused: true },
  }),
  good("a keep-alive of a minute", head("Keep-Alive: timeout=60", "Content-Length: 2") + "ok"),
  good("a keep-alive that is none", head("Keep-Alive: timeout=x", "Content-Length: 2") + "ok"),
  good("chunks and close", head("Connection: close", CHUNKED) + CHUNKS, { isReused: false }),
  good("chunks", chunked("1", "o", "1", "k", "0", "")),
];

function closing(name: string, ...lines: readonly string[]): SentResponse {
  return good(name, head(...lines, "Content-Length: 2") + "ok", { isReused: false });
}

function allBytes(): string {
  return Array.from({ length: 256 }, (_, code) => String.fromCharCode(code)).join("");
}
