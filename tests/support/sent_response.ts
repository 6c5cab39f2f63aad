import type { TransportKind } from "../../lib/transport/http.ts";

/** What comes of a response: its status and body, or the kind that it fails with. */
export type Outcome =
  | { readonly status: number; readonly body: string }
  | "upstream-invalid"
  | "upstream-unreachable"
  /** The head is good, and the body fails. */
  | "broken body";

/** Bytes that an upstream sends, and what they are. */
export interface SentResponse {
  readonly name: string;
  /** One character a byte. */
  readonly bytes: string;
  readonly outcome: Outcome;
  /** Of the request; default GET. */
  readonly method?: string;
  /** Whether the connection serves another request after it; default: where it has an end. */
  readonly isReused?: boolean;
  /** Whether the upstream ends the connection after it. */
  readonly ends?: boolean;
  /** Headers that come of it. */
  readonly headers?: Readonly<Record<string, string | null>>;
  /** The transports that read it so; default both. */
  readonly transports?: readonly TransportKind[];
}

const SOCKET: readonly TransportKind[] = ["socket"];
const ok = (body: string): Outcome => ({ status: 200, body });
const head = (...lines: string[]) => ["HTTP/1.1 200 OK", ...lines, "", ""].join("\r\n");
const INVALID = "upstream-invalid";
const CHUNKED = "Transfer-Encoding: chunked";

const VALID: readonly SentResponse[] = [
  { name: "a length", bytes: head("Content-Length: 2") + "ok", outcome: ok("ok") },
  { name: "a length of 0", bytes: head("Content-Length: 0"), outcome: ok("") },
  {
    name: "a length with zeros before",
    bytes: head("Content-Length: 002") + "ok",
    outcome: ok("ok"),
  },
  {
    name: "a length between blanks",
    bytes: head("Content-Length: \t 2 \t") + "ok",
    outcome: ok("ok"),
  },
  { name: "a length and no blank", bytes: head("Content-Length:2") + "ok", outcome: ok("ok") },
  { name: "a length in capitals", bytes: head("CONTENT-LENGTH: 2") + "ok", outcome: ok("ok") },
  {
    name: "the same length twice",
    bytes: head("Content-Length: 2", "Content-Length: 2") + "ok",
    outcome: ok("ok"),
    headers: { "content-length": "2" },
    transports: SOCKET,
  },
  {
    name: "the same length twice in a line",
    bytes: head("Content-Length: 2, 2") + "ok",
    outcome: ok("ok"),
    headers: { "content-length": "2" },
    transports: SOCKET,
  },
  { name: "one chunk", bytes: head(CHUNKED) + "2\r\nok\r\n0\r\n\r\n", outcome: ok("ok") },
  { name: "chunks", bytes: head(CHUNKED) + "1\r\no\r\n1\r\nk\r\n0\r\n\r\n", outcome: ok("ok") },
  { name: "no chunk but the last", bytes: head(CHUNKED) + "0\r\n\r\n", outcome: ok("") },
  {
    name: "a last chunk of several zeros",
    bytes: head(CHUNKED) + "2\r\nok\r\n000\r\n\r\n",
    outcome: ok("ok"),
  },
  {
    name: "a size in capitals",
    bytes: head(CHUNKED) + "A\r\n0123456789\r\n0\r\n\r\n",
    outcome: ok("0123456789"),
  },
  {
    name: "a size in small letters",
    bytes: head(CHUNKED) + "a\r\n0123456789\r\n0\r\n\r\n",
    outcome: ok("0123456789"),
  },
  {
    name: "a size with zeros before",
    bytes: head(CHUNKED) + "0002\r\nok\r\n0\r\n\r\n",
    outcome: ok("ok"),
  },
  { name: "an extension", bytes: head(CHUNKED) + "2;a=b\r\nok\r\n0;c\r\n\r\n", outcome: ok("ok") },
  {
    name: "a quoted extension",
    bytes: head(CHUNKED) + '2; a="b;c"\r\nok\r\n0\r\n\r\n',
    outcome: ok("ok"),
  },
  {
    name: "a trailer",
    bytes: head(CHUNKED) + "2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n",
    outcome: ok("ok"),
    headers: { "x-sum": null },
  },
  {
    name: "trailers",
    bytes: head(CHUNKED) + "2\r\nok\r\n0\r\nA: 1\r\nB: 2\r\n\r\n",
    outcome: ok("ok"),
  },
  {
    name: "a coding in capitals",
    bytes: head("Transfer-Encoding: CHUNKED") + "0\r\n\r\n",
    outcome: ok(""),
  },
  {
    name: "data that looks like a last chunk",
    bytes: head(CHUNKED) + "5\r\n0\r\n\r\n\r\n0\r\n\r\n",
    outcome: ok("0\r\n\r\n"),
  },
  { name: "a body until the end", bytes: head() + "ok", outcome: ok("ok"), ends: true },
  { name: "no body until the end", bytes: head(), outcome: ok(""), ends: true },
  {
    name: "HTTP/1.0 and a length",
    bytes: "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    outcome: ok("ok"),
    isReused: false,
  },
  {
    name: "HTTP/1.0, a length and keep-alive",
    bytes: "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    outcome: ok("ok"),
  },
  {
    name: "HTTP/1.0 until the end",
    bytes: "HTTP/1.0 200 OK\r\n\r\nok",
    outcome: ok("ok"),
    ends: true,
  },
  {
    name: "Connection: close",
    bytes: head("Connection: close", "Content-Length: 2") + "ok",
    outcome: ok("ok"),
    isReused: false,
  },
  {
    name: "close among other options",
    bytes: head("Connection: x, Close", "Content-Length: 2") + "ok",
    outcome: ok("ok"),
    isReused: false,
  },
  {
    name: "a keep-alive of one second",
    bytes: head("Keep-Alive: timeout=1, max=9", "Content-Length: 2") + "ok",
    outcome: ok("ok"),
    isReused: false,
    transports: SOCKET,
  },
  {
    name: "a keep-alive of a minute",
    bytes: head("Keep-Alive: timeout=60", "Content-Length: 2") + "ok",
    outcome: ok("ok"),
  },
  { name: "no reason", bytes: "HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok", outcome: ok("ok") },
  {
    name: "no blank after the status",
    bytes: "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    outcome: ok("ok"),
  },
  {
    name: "a reason beyond ASCII",
    bytes: "HTTP/1.1 200 \xe9\r\nContent-Length: 2\r\n\r\nok",
    outcome: ok("ok"),
  },
  {
    name: "status 404",
    bytes: "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
    outcome: { status: 404, body: "no" },
  },
  {
    name: "status 599",
    bytes: "HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n",
    outcome: { status: 599, body: "" },
  },
  { name: "status 204", bytes: "HTTP/1.1 204 X\r\n\r\n", outcome: { status: 204, body: "" } },
  {
    name: "status 204 with a length",
    bytes: "HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n",
    outcome: { status: 204, body: "" },
    headers: { "content-length": null },
    transports: SOCKET,
  },
  {
    name: "status 205",
    bytes: "HTTP/1.1 205 X\r\nContent-Length: 0\r\n\r\n",
    outcome: { status: 205, body: "" },
  },
  {
    name: "status 304 with the length of another",
    bytes: "HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n",
    outcome: { status: 304, body: "" },
    headers: { "content-length": "9" },
  },
  {
    name: "a response to HEAD with the length of GET",
    bytes: head("Content-Length: 9"),
    outcome: ok(""),
    method: "HEAD",
    headers: { "content-length": "9" },
  },
  { name: "a response to HEAD in chunks", bytes: head(CHUNKED), outcome: ok(""), method: "HEAD" },
  { name: "a response to HEAD that says nothing", bytes: head(), outcome: ok(""), method: "HEAD" },
  {
    name: "100 before it",
    bytes: "HTTP/1.1 100 Continue\r\n\r\n" + head("Content-Length: 2") + "ok",
    outcome: ok("ok"),
  },
  {
    name: "103 before it, with a header",
    bytes: "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + head("Content-Length: 2") + "ok",
    outcome: ok("ok"),
    headers: { link: null },
  },
  {
    name: "102 several times before it",
    bytes: "HTTP/1.1 102 X\r\n\r\n".repeat(5) + head("Content-Length: 2") + "ok",
    outcome: ok("ok"),
  },
  {
    name: "bytes beyond ASCII in a value",
    bytes: head("X-A: caf\xe9 \x80\xff", "Content-Length: 0"),
    outcome: ok(""),
    headers: { "x-a": "caf\xe9 \x80\xff" },
  },
  {
    name: "a tab within a value",
    bytes: head("X-A: a\tb", "Content-Length: 0"),
    outcome: ok(""),
    headers: { "x-a": "a\tb" },
  },
  {
    name: "an empty value",
    bytes: head("X-A:", "Content-Length: 0"),
    outcome: ok(""),
    headers: { "x-a": "" },
  },
  {
    name: "every character that a name may have",
    bytes: head("a!#$%&'*+-.^_`|~9: b", "Content-Length: 0"),
    outcome: ok(""),
    headers: { "a!#$%&'*+-.^_`|~9": "b" },
  },
  {
    name: "a colon in a value",
    bytes: head("X-A: a:b: c", "Content-Length: 0"),
    outcome: ok(""),
    headers: { "x-a": "a:b: c" },
  },
  {
    name: "two of a header",
    bytes: head("X-A: 1", "X-A: 2", "Content-Length: 0"),
    outcome: ok(""),
    headers: { "x-a": "1, 2" },
  },
  {
    name: "a thousand headers",
    bytes: head(...Array.from({ length: 1000 }, (_, i) => `X-${i}: v`), "Content-Length: 2") + "ok",
    outcome: ok("ok"),
    headers: { "x-999": "v" },
    transports: SOCKET,
  },
  {
    name: "a head of 60 KiB",
    bytes: head(`X-A: ${"a".repeat(60 * 1024)}`, "Content-Length: 2") + "ok",
    outcome: ok("ok"),
  },
  {
    name: "a body with its own idea of HTTP",
    bytes: head("Content-Length: 19") + "HTTP/1.1 500 X\r\n\r\nx",
    outcome: ok("HTTP/1.1 500 X\r\n\r\nx"),
  },
];

const LENIENT: Partial<SentResponse> = {
  outcome: ok("ok"),
  headers: { "content-length": null },
  transports: ["fetch"],
};

const bad = (name: string, bytes: string, more: Partial<SentResponse> = {}): SentResponse => ({
  name,
  bytes,
  outcome: INVALID,
  transports: SOCKET,
  ...more,
});
const BOTH: Partial<SentResponse> = { transports: ["socket", "fetch"] };

const MALFORMED: readonly SentResponse[] = [
  bad("a length and chunks", head("Content-Length: 2", CHUNKED) + "2\r\nok\r\n0\r\n\r\n"),
  bad("chunks and a length", head(CHUNKED, "Content-Length: 2") + "2\r\nok\r\n0\r\n\r\n"),
  bad(
    "a stale length and chunks",
    head("Content-Length: 9", CHUNKED) + "2\r\nok\r\n0\r\n\r\n",
    LENIENT,
  ),
  bad("two lengths", head("Content-Length: 2", "Content-Length: 3") + "ok!", BOTH),
  bad("two lengths in a line", head("Content-Length: 2, 3") + "ok!"),
  bad("a negative length", head("Content-Length: -2") + "ok", BOTH),
  bad("a length with a sign", head("Content-Length: +2") + "ok", BOTH),
  bad("a length in hexadecimal", head("Content-Length: 0x2") + "ok", BOTH),
  bad("a fraction as length", head("Content-Length: 2.0") + "ok", BOTH),
  bad("an empty length", head("Content-Length:") + "ok", BOTH),
  bad("a length of words", head("Content-Length: two") + "ok", BOTH),
  bad("a length beyond numbers", head("Content-Length: 99999999999999999999") + "ok", BOTH),
  bad("a length and a blank within", head("Content-Length: 2 2") + "ok"),
  bad("a coding that is not chunked", head("Transfer-Encoding: gzip") + "ok"),
  bad("chunked and another coding", head("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n"),
  bad("chunked twice", head("Transfer-Encoding: chunked, chunked") + "0\r\n\r\n"),
  bad("chunked in two lines", head(CHUNKED, CHUNKED) + "0\r\n\r\n"),
  bad("a coding like chunked", head("Transfer-Encoding: xchunked") + "0\r\n\r\n"),
  bad("chunked with a parameter", head("Transfer-Encoding: chunked;q=1") + "0\r\n\r\n"),
  bad("chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
  bad("a folded line", head("X-A: a\r\n b", "Content-Length: 0")),
  bad("a line folded by a tab", head("X-A: a\r\n\tb", "Content-Length: 0")),
  bad("a fold after the status line", head(" X-A: a", "Content-Length: 0")),
  bad("a blank before a colon", head("X-A : a", "Content-Length: 0")),
  bad("a blank before the colon of a length", head("Content-Length : 2") + "ok"),
  bad("a blank in a name", head("X A: a", "Content-Length: 0"), BOTH),
  bad("no colon", head("X-A", "Content-Length: 0"), BOTH),
  bad("no name", head(": a", "Content-Length: 0"), BOTH),
  bad("bytes beyond ASCII in a name", head("X-\xe9: a", "Content-Length: 0"), BOTH),
  bad("a bare LF after a line", "HTTP/1.1 200 OK\r\nX-A: a\nContent-Length: 0\r\n\r\n"),
  bad("bare LFs", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
  bad("a bare CR in a value", head("X-A: a\rb", "Content-Length: 0")),
  bad("a bare CR before a length", "HTTP/1.1 200 OK\r\nX-A: a\rContent-Length: 2\r\n\r\nok"),
  bad("CR CR LF", "HTTP/1.1 200 OK\r\r\nContent-Length: 0\r\n\r\n"),
  bad("NUL in a value", head("X-A: a\0b", "Content-Length: 0"), BOTH),
  bad("NUL in a name", head("X\0A: b", "Content-Length: 0"), BOTH),
  bad("DEL in a value", head("X-A: a\x7fb", "Content-Length: 0")),
  bad("a control character in a value", head("X-A: a\x1bb", "Content-Length: 0"), BOTH),
  bad("a control character in the reason", "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n"),
  bad("status 99", "HTTP/1.1 99 X\r\n\r\n", BOTH),
  bad("status 099", "HTTP/1.1 099 X\r\nContent-Length: 0\r\n\r\n"),
  bad("status 600", "HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n", BOTH),
  bad("status 2000", "HTTP/1.1 2000 X\r\nContent-Length: 0\r\n\r\n", BOTH),
  bad("status 2xx", "HTTP/1.1 2xx X\r\nContent-Length: 0\r\n\r\n", BOTH),
  bad("no status", "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", BOTH),
  bad("two blanks before the status", "HTTP/1.1  200 OK\r\nContent-Length: 0\r\n\r\n"),
  bad("a tab before the status", "HTTP/1.1\t200 OK\r\nContent-Length: 0\r\n\r\n"),
  bad("HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n"),
  bad("HTTP/2", "HTTP/2 200 OK\r\nContent-Length: 0\r\n\r\n", BOTH),
  bad("http/1.1 in small letters", "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", BOTH),
  bad("HTTP/0.9", "<p>ok</p>", { ends: true }),
  bad("another protocol", "220 smtp\r\n", BOTH),
  bad("an empty line first", "\r\n" + head("Content-Length: 0")),
  bad("bytes of the response before", "xx" + head("Content-Length: 0")),
  bad("TLS where nobody asked for it", "\x15\x03\x01\x00\x02\x02\x0a"),
  bad("101 unasked", "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx"),
  bad("a head of 65 KiB", head(`X-A: ${"a".repeat(65 * 1024)}`, "Content-Length: 0")),
  bad("interim responses of 70 KB", `HTTP/1.1 103 X\r\nL: ${"a".repeat(7000)}\r\n\r\n`.repeat(10)),
  bad("an interim response and rubbish", "HTTP/1.1 100 Continue\r\n\r\nrubbish"),
  { name: "nothing", bytes: "", outcome: "upstream-unreachable", ends: true },
  {
    name: "half a head",
    bytes: "HTTP/1.1 200 OK\r\nX-A:",
    outcome: "upstream-unreachable",
    ends: true,
  },
  {
    name: "100 and nothing more",
    bytes: "HTTP/1.1 100 Continue\r\n\r\n",
    outcome: "upstream-unreachable",
    ends: true,
  },
];

const broken = (name: string, bytes: string, more: Partial<SentResponse> = {}): SentResponse => ({
  name,
  bytes,
  outcome: "broken body",
  ...more,
});
const SOCKET_ALONE: Partial<SentResponse> = { transports: SOCKET };

const BROKEN: readonly SentResponse[] = [
  broken("less than the length", head("Content-Length: 9") + "ok", { ends: true }),
  broken("a length and nothing", head("Content-Length: 9"), { ends: true }),
  broken("no last chunk", head(CHUNKED) + "2\r\nok\r\n", { ends: true }),
  broken("half a chunk", head(CHUNKED) + "9\r\nok", { ends: true }),
  broken("half a size", head(CHUNKED) + "2\r\nok\r\n1", { ends: true }),
  broken("no end of the trailers", head(CHUNKED) + "2\r\nok\r\n0\r\nA: b\r\n", { ends: true }),
  broken("a chunk longer than its size", head(CHUNKED) + "2\r\nok!\r\n0\r\n\r\n"),
  broken("a chunk without CR LF", head(CHUNKED) + "2\r\nok0\r\n\r\n"),
  broken("a size that is none", head(CHUNKED) + "x\r\nok\r\n0\r\n\r\n"),
  broken("an empty size", head(CHUNKED) + "\r\nok\r\n0\r\n\r\n"),
  broken("a negative size", head(CHUNKED) + "-2\r\nok\r\n0\r\n\r\n"),
  broken("a size with 0x", head(CHUNKED) + "0x2\r\nok\r\n0\r\n\r\n"),
  broken("a size with a sign", head(CHUNKED) + "+2\r\nok\r\n0\r\n\r\n"),
  broken("a size after a blank", head(CHUNKED) + " 2\r\nok\r\n0\r\n\r\n"),
  broken("a size beyond numbers", head(CHUNKED) + "ffffffffffffffff2\r\nok\r\n0\r\n\r\n"),
  broken("a size that would wrap", head(CHUNKED) + "100000000000000002\r\nok\r\n0\r\n\r\n"),
  broken("a bare LF after a size", head(CHUNKED) + "2\nok\r\n0\r\n\r\n", SOCKET_ALONE),
  broken("a bare LF after a chunk", head(CHUNKED) + "2\r\nok\n0\r\n\r\n"),
  broken("a bare CR in an extension", head(CHUNKED) + "2;a\rb\r\nok\r\n0\r\n\r\n", SOCKET_ALONE),
  broken("NUL in an extension", head(CHUNKED) + "2;a\0\r\nok\r\n0\r\n\r\n", SOCKET_ALONE),
  broken(
    "an extension of 5 KiB",
    head(CHUNKED) + `2;${"a".repeat(5120)}\r\nok\r\n0\r\n\r\n`,
    SOCKET_ALONE,
  ),
  broken(
    "a trailer without a name",
    head(CHUNKED) + "2\r\nok\r\n0\r\nrubbish\r\n\r\n",
    SOCKET_ALONE,
  ),
  broken(
    "trailers of 70 KB",
    head(CHUNKED) + `2\r\nok\r\n0\r\n${`A: ${"a".repeat(3500)}\r\n`.repeat(20)}\r\n`,
    SOCKET_ALONE,
  ),
];

const beyond = (name: string, bytes: string): SentResponse => ({
  name: `${name}, and bytes beyond it`,
  bytes,
  outcome: ok("ok"),
  isReused: false,
  transports: SOCKET,
});
const SECOND = head("Content-Length: 4") + "evil";

const BEYOND: readonly SentResponse[] = [
  beyond("a length", head("Content-Length: 2") + "ok" + SECOND),
  beyond("a length", head("Content-Length: 2") + "okx"),
  beyond("chunks", head(CHUNKED) + "2\r\nok\r\n0\r\n\r\n" + SECOND),
  beyond("chunks", head(CHUNKED) + "2\r\nok\r\n0\r\n\r\n\r\n"),
  {
    ...beyond("HEAD with the body of GET", head("Content-Length: 2") + "ok"),
    method: "HEAD",
    outcome: ok(""),
  },
  {
    ...beyond("304 with a body", "HTTP/1.1 304 X\r\nContent-Length: 2\r\n\r\nok"),
    outcome: { status: 304, body: "" },
  },
  {
    ...beyond("204 with a body", "HTTP/1.1 204 X\r\nContent-Length: 2\r\n\r\nok"),
    outcome: { status: 204, body: "" },
  },
];

/** Responses as upstreams send them, as they should not, and as an attacker would. */
export const SENT_RESPONSES: readonly SentResponse[] = [
  ...VALID,
  ...MALFORMED,
  ...BROKEN,
  ...BEYOND,
];
