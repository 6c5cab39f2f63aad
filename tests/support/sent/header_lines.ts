import { bad, empty, good, head, lenient, OK, ok, type SentResponse } from "./sent_response.ts";

const EMPTY = { outcome: ok("") };
const headers = (headers: Readonly<Record<string, string>>) => ({ ...EMPTY, headers });
const many = (count: number) => Array.from({ length: count }, (_, index) => `X-${index}: v`);
/** `fetch` reads up to 100 lines. */
const FETCH_LIMIT = { fetch: { outcome: { fault: "head-too-large" }, headers: {} } } as const;

/** Header lines (RFC 9112 section 5). */
export const HEADER_LINES: readonly SentResponse[] = [
  good("bytes beyond ASCII in a value", empty("X-A: caf\xe9 \x80\xff"), {
    ...headers({ "x-a": "caf\xe9 \x80\xff" }),
  }),
  good("UTF-8 in a value", empty("X-A: \xc3\xa9"), headers({ "x-a": "\xc3\xa9" })),
  good("a tab within a value", empty("X-A: a\tb"), headers({ "x-a": "a\tb" })),
  good("blanks around a value", empty("X-A: \t a b \t "), headers({ "x-a": "a b" })),
  good("an empty value", empty("X-A:"), headers({ "x-a": "" })),
  good("a value of blanks", empty("X-A: \t "), headers({ "x-a": "" })),
  good("a colon in a value", empty("X-A: a:b: c"), headers({ "x-a": "a:b: c" })),
  good("a quoted value", empty('X-A: "a, \\"b"'), headers({ "x-a": '"a, \\"b"' })),
  good(
    "every character that a name may have",
    empty("a!#$%&'*+-.^_`|~9: b"),
    headers({ "a!#$%&'*+-.^_`|~9": "b" }),
  ),
  good("two of a header", empty("X-A: 1", "X-A: 2"), headers({ "x-a": "1, 2" })),
  good("two of a header in other letters", empty("X-A: 1", "x-a: 2"), headers({ "x-a": "1, 2" })),
  good("three cookies", empty("Set-Cookie: a=1", "Set-Cookie: b=2, c", "set-cookie: d=3"), {
    ...headers({ "set-cookie": "a=1 | b=2, c | d=3" }),
  }),
  good("names that objects have", empty("__proto__: a", "constructor: b", "toString: c"), {
    ...headers({ "__proto__": "a", "constructor": "b", "tostring": "c" }),
  }),
  good("headers of the hop", empty("Keep-Alive: max=9", "Upgrade: h2c"), EMPTY),
  good("100 lines", empty(...many(99)), headers({ "x-98": "v" })),
  good("101 lines", empty(...many(100)), { ...headers({ "x-99": "v" }), ...FETCH_LIMIT }),
  good("1000 lines", empty(...many(1000)), { ...headers({ "x-999": "v" }), ...FETCH_LIMIT }),
  good("a head of 60 KiB", empty(`X-A: ${"a".repeat(60 * 1024)}`), EMPTY),
  bad("a head of 65 KiB", empty(`X-A: ${"a".repeat(65 * 1024)}`), {
    outcome: { fault: "head-too-large" },
    ...lenient(""),
  }),
  bad("a name of 65 KiB", empty(`${"a".repeat(65 * 1024)}: a`), {
    outcome: { fault: "head-too-large" },
  }),
  bad("a reason of 65 KiB", `${OK} ${"a".repeat(65 * 1024)}\r\nContent-Length: 0\r\n\r\n`, {
    outcome: { fault: "head-too-large" },
    ...lenient(""),
  }),
  bad("a head without an end", `${OK}\r\n${"X-A: a\r\n".repeat(10_000)}`, {
    outcome: { fault: "head-too-large" },
  }),
  bad("a folded line", empty("X-A: a\r\n b")),
  bad("a line folded by a tab", empty("X-A: a\r\n\tb")),
  bad("a fold of blanks", empty("X-A: a\r\n ")),
  bad("a folded length", head("Content-Length:\r\n 2") + "ok"),
  bad("a fold after the status line", empty(" X-A: a")),
  bad("a blank before a colon", empty("X-A : a")),
  bad("a tab before a colon", empty("X-A\t: a")),
  bad("a blank before the colon of a length", head("Content-Length : 2") + "ok"),
  bad("a blank in a name", empty("X A: a")),
  bad("no colon", empty("X-A")),
  bad("no name", empty(": a")),
  bad("nothing but a colon", empty(":")),
  bad("bytes beyond ASCII in a name", empty("X-\xe9: a")),
  bad("a bracket in a name", empty("X(A): a")),
  bad("a quote in a name", empty('"X-A": a')),
  bad("a bare LF after a line", `${OK}\r\nX-A: a\nContent-Length: 0\r\n\r\n`, lenient("")),
  bad("a bare LF before the empty line", `${OK}\r\nContent-Length: 0\n\r\n`, {
    ends: true,
    ...lenient("", { isReused: false }),
  }),
  bad("a bare LF as empty line", `${OK}\r\nContent-Length: 0\r\n\n`, lenient("")),
  bad("a bare CR in a value", empty("X-A: a\rb")),
  bad("a bare CR before a length", `${OK}\r\nX-A: a\rContent-Length: 2\r\n\r\nok`),
  bad("CR CR LF at the end", `${OK}\r\nContent-Length: 0\r\n\r\r\n`, { ends: true }),
  bad("NUL in a value", empty("X-A: a\0b")),
  bad("NUL in a name", empty("X\0A: b")),
  bad("NUL after a length", head("Content-Length: 2\0") + "ok"),
  bad("DEL in a value", empty("X-A: a\x7fb")),
  bad("a vertical tab in a value", empty("X-A: a\x0bb")),
  bad("a form feed before a value", empty("X-A:\x0ca")),
  bad("an escape in a value", empty("X-A: a\x1bb")),
];
