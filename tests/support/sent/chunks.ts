import {
  broken,
  CHUNKED,
  chunked,
  good,
  head,
  lenient,
  ok,
  type SentResponse,
} from "./sent_response.ts";

const END = ["ok", "0", ""] as const;
const LONG = "a".repeat(5 * 1024);
const zeros = (count: number) => "0".repeat(count);

/** Chunked bodies (RFC 9112 section 7.1). */
export const CHUNKS: readonly SentResponse[] = [
  good("one chunk", chunked("2", ...END)),
  good("chunks of one byte", chunked("1", "o", "1", "k", "0", "")),
  good("no chunk but the last", chunked("0", ""), { outcome: ok("") }),
  good("a last chunk of several zeros", chunked("2", "ok", "000", "")),
  good("a size in capitals", chunked("A", "0123456789", "0", ""), { outcome: ok("0123456789") }),
  good("a size in small letters", chunked("a", "0123456789", "0", ""), {
    outcome: ok("0123456789"),
  }),
  good("a size with zeros before", chunked("0002", ...END)),
  good("a size and a blank", chunked("2 ", ...END)),
  good("a size, a blank and an extension", chunked("2 ;a", ...END)),
  good("an extension", chunked("2;a=b", "ok", "0;c", "")),
  good("a quoted extension", chunked('2; a="b;c"', ...END)),
  good("an empty extension", chunked("2;", ...END)),
  good("data that looks like a last chunk", chunked("5", "0\r\n\r\n", "0", ""), {
    outcome: ok("0\r\n\r\n"),
  }),
  good("data that looks like a response", chunked("13", "HTTP/1.1 500 X\r\n\r\nx", "0", ""), {
    outcome: ok("HTTP/1.1 500 X\r\n\r\nx"),
  }),
  good(
    "300 chunks",
    chunked(...Array.from({ length: 600 }, (_, i) => i % 2 ? "x" : "1"), "0", ""),
    {
      outcome: ok("x".repeat(300)),
    },
  ),
  good("a trailer", chunked("2", "ok", "0", "X-Sum: 1", ""), { headers: { "x-sum": null } }),
  good("trailers", chunked("2", "ok", "0", "A: 1", "B: 2", "")),
  good("an empty trailer", chunked("2", "ok", "0", "A:", "")),
  good("a trailer with a length", chunked("2", "ok", "0", "Content-Length: 9", ""), {
    headers: { "content-length": null },
  }),
  good("a trailer with a cookie", chunked("2", "ok", "0", "Set-Cookie: a=b", ""), {
    headers: { "set-cookie": null },
  }),
  broken("a chunk longer than its size", chunked("2", "ok!", "0", "")),
  broken("a chunk shorter than its size", chunked("3", "ok", "0", "")),
  broken("a chunk without CR LF", head(CHUNKED) + "2\r\nok0\r\n\r\n"),
  broken("a size that is none", chunked("x", ...END)),
  broken("a size and a letter", chunked("2x", ...END)),
  broken("an empty size", chunked("", ...END)),
  broken("nothing but an extension", chunked(";a=b", ...END)),
  broken("a negative size", chunked("-2", ...END)),
  broken("a size of -0", chunked("-0", "")),
  broken("a size with 0x", chunked("0x2", ...END)),
  broken("a size with h", chunked("2h", ...END)),
  broken("a size with a sign", chunked("+2", ...END)),
  broken("a size after a blank", chunked(" 2", ...END)),
  broken("a size with a blank within", chunked("0 2", ...END)),
  broken("a size with a separator", chunked("1_0", "0123456789abcdef", "0", "")),
  broken("a fraction as size", chunked("2.0", ...END)),
  broken("a size beyond 64 bits", chunked("ffffffffffffffff2", ...END)),
  broken("a size that would wrap to 2", chunked("100000000000000002", ...END)),
  broken("a size of 2^63", chunked("8000000000000000", ...END), { ends: true }),
  broken("a size with 20 zeros before", chunked(zeros(20) + "2", ...END), lenient()),
  broken("two sizes", chunked("2,2", ...END)),
  broken("a bare LF after a size", head(CHUNKED) + "2\nok\r\n0\r\n\r\n"),
  broken("a bare LF after a chunk", head(CHUNKED) + "2\r\nok\n0\r\n\r\n"),
  broken("a bare LF after the last chunk", head(CHUNKED) + "2\r\nok\r\n0\n\r\n"),
  broken("a bare LF at the end", head(CHUNKED) + "2\r\nok\r\n0\r\n\n", { ends: true }),
  broken("a bare CR after a size", head(CHUNKED) + "2\rok\r\n0\r\n\r\n"),
  broken("a bare CR in an extension", chunked("2;a\rb", ...END)),
  broken("a bare LF in an extension", chunked("2;a\nb", ...END)),
  broken("NUL in an extension", chunked("2;a\0", ...END), lenient()),
  broken("NUL after a size", chunked("2\0", ...END)),
  broken("an extension of 5 KiB", chunked(`2;${LONG}`, ...END), lenient()),
  broken("a trailer without a colon", chunked("2", "ok", "0", "rubbish", "")),
  broken("a trailer without a name", chunked("2", "ok", "0", ": a", "")),
  broken("a trailer with a blank before its colon", chunked("2", "ok", "0", "A : a", "")),
  broken("a folded trailer", chunked("2", "ok", "0", "A: a", " b", "")),
  broken("NUL in a trailer", chunked("2", "ok", "0", "A: \0", "")),
  broken("a bare LF after a trailer", head(CHUNKED) + "2\r\nok\r\n0\r\nA: b\n\r\n", { ends: true }),
  broken(
    "trailers of 70 KB",
    chunked("2", "ok", "0", ...Array(20).fill(`A: ${"a".repeat(3500)}`), ""),
  ),
  broken(
    "another response in the place of a chunk",
    head(CHUNKED) + "2\r\nok\r\nHTTP/1.1 200 OK\r\n\r\n",
  ),
];
