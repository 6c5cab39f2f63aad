import { bad, good, lenient, OK, type SentResponse } from "./sent_response.ts";

const REST = "\r\nContent-Length: 2\r\n\r\nok";
const NONE = "\r\nContent-Length: 0\r\n\r\n";
/** `fetch` reads the whole response, and its status is refused afterwards. */
const NOT_A_STATUS = { fetch: { outcome: { fault: "other" }, isReused: true } } as const;
const status = (status: number, body = "") => ({ outcome: { status, body } });

/** Status lines and versions (RFC 9112 section 4). */
export const STATUS_LINES: readonly SentResponse[] = [
  good("no reason", `HTTP/1.1 200 ${REST}`),
  good("no blank after the status", `HTTP/1.1 200${REST}`),
  good("a reason of several words", `HTTP/1.1 200 All is  well\t${REST}`),
  good("a reason beyond ASCII", `HTTP/1.1 200 \xe9${REST}`),
  good("a reason like a header", `HTTP/1.1 200 Content-Length: 9${REST}`),
  good("status 404", `HTTP/1.1 404 Not Found${REST}`, status(404, "ok")),
  good("status 299", `HTTP/1.1 299 X${REST}`, status(299, "ok")),
  good("status 599", `HTTP/1.1 599 X${NONE}`, status(599)),
  good("HTTP/1.0 and a length", `HTTP/1.0 200 OK${REST}`, { isReused: false }),
  good("HTTP/1.0, a length and keep-alive", `HTTP/1.0 200 OK\r\nConnection: keep-alive${REST}`),
  good("HTTP/1.0 until the end", "HTTP/1.0 200 OK\r\n\r\nok", { ends: true }),
  bad("status 99", `HTTP/1.1 99 X${NONE}`),
  bad("status 099", `HTTP/1.1 099 X${NONE}`),
  bad("status 000", `HTTP/1.1 000 X${NONE}`),
  bad("status 600", `HTTP/1.1 600 X${NONE}`, { ...NOT_A_STATUS }),
  bad("status 999", `HTTP/1.1 999 X${NONE}`, { ...NOT_A_STATUS }),
  bad("status 2000", `HTTP/1.1 2000 X${NONE}`),
  bad("status 2xx", `HTTP/1.1 2xx X${NONE}`),
  bad("status -200", `HTTP/1.1 -200 X${NONE}`),
  bad("status 20", `HTTP/1.1 20 X${NONE}`),
  bad("no status", `HTTP/1.1 OK${NONE}`),
  bad("nothing but a version", `HTTP/1.1${NONE}`),
  bad("a control character in the reason", `HTTP/1.1 200 O\x01K${NONE}`),
  bad("NUL in the reason", `HTTP/1.1 200 O\0K${NONE}`),
  bad("two blanks before the status", `HTTP/1.1  200 OK${NONE}`),
  bad("a tab before the status", `HTTP/1.1\t200 OK${NONE}`),
  bad("a tab after the status", `HTTP/1.1 200\tOK${NONE}`),
  bad("a blank before the version", ` HTTP/1.1 200 OK${NONE}`),
  bad("HTTP/1.2", `HTTP/1.2 200 OK${NONE}`),
  bad("HTTP/1.10", `HTTP/1.10 200 OK${NONE}`),
  bad("HTTP/01.1", `HTTP/01.1 200 OK${NONE}`),
  bad("HTTP/1", `HTTP/1 200 OK${NONE}`),
  bad("HTTP/2", `HTTP/2 200 OK${NONE}`),
  bad("HTTP/2.0", `HTTP/2.0 200 OK${NONE}`),
  bad("http/1.1 in small letters", `http/1.1 200 OK${NONE}`),
  bad("a body and no head", "<p>ok</p>", { ends: true }),
  bad("another protocol", "220 smtp\r\n"),
  bad("a request", "GET / HTTP/1.1\r\n\r\n"),
  bad("an empty line first", `\r\n${OK}${NONE}`, lenient("")),
  bad("a byte order mark first", `\xef\xbb\xbf${OK}${NONE}`),
  bad("bytes of the response before", `xx${OK}${NONE}`),
  bad("TLS where nobody asked for it", "\x15\x03\x01\x00\x02\x02\x0a", {
    outcome: { fault: "tls" },
    fetch: { outcome: { fault: "malformed" } },
  }),
  bad("CR CR LF", `${OK}\r${NONE}`),
  bad("bare LFs", `${OK}\nContent-Length: 0\n\n`, lenient("")),
  bad("bare CRs", `${OK}\rContent-Length: 0\r\r`, { ends: true }),
];
