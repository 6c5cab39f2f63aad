import {
  bad,
  CHUNKED,
  early,
  good,
  head,
  lenient,
  ok,
  type SentResponse,
} from "./sent_response.ts";

const FINAL = head("Content-Length: 2") + "ok";
const HEAD = { method: "HEAD", outcome: ok("") } as const;
const none = (status: number) => ({ outcome: { status, body: "" } });

/** Interim responses (RFC 9110 section 15.2). */
export const INTERIM: readonly SentResponse[] = [
  good("100 before it", "HTTP/1.1 100 Continue\r\n\r\n" + FINAL),
  good("100 without a reason before it", "HTTP/1.1 100\r\n\r\n" + FINAL),
  good("100 in HTTP/1.0 before it", "HTTP/1.0 100 X\r\n\r\n" + FINAL),
  good("100 with a length before it", "HTTP/1.1 100 X\r\nContent-Length: 0\r\n\r\n" + FINAL),
  good("100 with close before it", "HTTP/1.1 100 X\r\nConnection: close\r\n\r\n" + FINAL),
  good("103 with a header before it", "HTTP/1.1 103 X\r\nLink: </a>\r\n\r\n" + FINAL, {
    headers: { link: null },
  }),
  good("102 several times before it", "HTTP/1.1 102 X\r\n\r\n".repeat(5) + FINAL),
  good("100, 102 and 103 before it", [100, 102, 103].map(interim).join("") + FINAL),
  good("199 before it", interim(199) + FINAL),
  good("a hundred before it", interim(103).repeat(100) + FINAL),
  good("100 before 204", interim(100) + "HTTP/1.1 204 X\r\n\r\n", none(204)),
  good("100 before a response to HEAD", interim(100) + head("Content-Length: 9"), HEAD),
  bad("70 KB before it", `HTTP/1.1 103 X\r\nL: ${"a".repeat(7000)}\r\n\r\n`.repeat(10) + FINAL, {
    outcome: { fault: "head-too-large" },
    ...lenient(),
  }),
  bad("101 unasked", "HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nx", {
    fetch: { outcome: { fault: "other" } },
  }),
  bad("101 without Upgrade, and a response", interim(101) + FINAL, {
    fetch: { outcome: { fault: "other" } },
  }),
  bad("100 and rubbish", interim(100) + "rubbish\r\n\r\n"),
  bad("100 with a body", "HTTP/1.1 100 X\r\nContent-Length: 2\r\n\r\nok" + FINAL),
  bad("100 and chunks", `HTTP/1.1 100 X\r\n${CHUNKED}\r\n\r\n0\r\n\r\n` + FINAL),
  bad("100 with an invalid header", "HTTP/1.1 100 X\r\nA B: c\r\n\r\n" + FINAL),
  early("100 and nothing more", interim(100), { outcome: { fault: "closed" } }),
  early("100 and half a head", interim(100) + "HTTP/1.1 2", { outcome: { fault: "closed" } }),
];

/** Responses without a body, whatever their headers say (RFC 9112 section 6.3). */
export const BODILESS: readonly SentResponse[] = [
  good("status 204", "HTTP/1.1 204 X\r\n\r\n", none(204)),
  good("status 204 with a length of 0", "HTTP/1.1 204 X\r\nContent-Length: 0\r\n\r\n", {
    ...none(204),
    headers: { "content-length": null },
    fetch: { headers: { "content-length": "0" } },
  }),
  good("status 204 in chunks", `HTTP/1.1 204 X\r\n${CHUNKED}\r\n\r\n`, none(204)),
  good("status 205", "HTTP/1.1 205 X\r\nContent-Length: 0\r\n\r\n", none(205)),
  good("status 304", 'HTTP/1.1 304 X\r\nETag: "a"\r\n\r\n', {
    ...none(304),
    headers: { etag: '"a"' },
  }),
  good("status 304 with the length of another", "HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n", {
    ...none(304),
    headers: { "content-length": "9" },
  }),
  good("status 304 in chunks", `HTTP/1.1 304 X\r\n${CHUNKED}\r\n\r\n`, none(304)),
  good("a response to HEAD with the length of GET", head("Content-Length: 9"), {
    ...HEAD,
    headers: { "content-length": "9" },
  }),
  good("a response to HEAD in chunks", head(CHUNKED), HEAD),
  good("a response to HEAD that says nothing", head(), HEAD),
  good("a response to HEAD with a coding", head("Content-Encoding: gzip", "Content-Length: 9"), {
    ...HEAD,
    headers: { "content-encoding": "gzip" },
  }),
  good("404 to HEAD", "HTTP/1.1 404 X\r\nContent-Length: 9\r\n\r\n", {
    ...HEAD,
    outcome: { status: 404, body: "" },
  }),
  bad("204 with a bad length", "HTTP/1.1 204 X\r\nContent-Length: x\r\n\r\n", {
    fetch: { ...none(204), isReused: true },
  }),
  bad("a response to HEAD with two lengths", head("Content-Length: 2, 3"), {
    method: "HEAD",
    ...lenient(""),
  }),
  bad("a response to HEAD with a length and chunks", head("Content-Length: 2", CHUNKED), {
    method: "HEAD",
    ...lenient(""),
  }),
];

function interim(status: number): string {
  return `HTTP/1.1 ${status} X\r\n\r\n`;
}
