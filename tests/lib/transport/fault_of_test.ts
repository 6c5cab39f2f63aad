import { assertEquals, assertStrictEquals } from "@std/assert";
import { faultOf } from "../../../lib/transport/fault_of.ts";
import { UpstreamFault, type UpstreamFaultReason } from "../../../lib/core/upstream_fault.ts";
import { refusingUrl, startRawUpstream } from "../../support/upstream.ts";

/** What Deno and rustls say. */
const SAID: Readonly<Record<string, UpstreamFaultReason>> = {
  "Connection refused (os error 111)": "refused",
  "failed to lookup address information: Name or service not known": "no-such-host",
  "Network is unreachable (os error 101)": "unreachable",
  "No route to host (os error 113)": "unreachable",
  "invalid peer certificate: UnknownIssuer": "certificate-unknown",
  "invalid peer certificate: certificate expired: verification time 1": "certificate-expired",
  "invalid peer certificate: Expired": "certificate-expired",
  'invalid peer certificate: certificate not valid for name "a"; certificate is only valid for DnsName("b")':
    "certificate-name",
  "invalid peer certificate: CaUsedAsEndEntity": "certificate",
  "received corrupt message of type InvalidContentType": "tls",
  "received fatal alert: CertificateRequired": "client-certificate",
  "received fatal alert: CertificateExpired": "client-certificate",
  "received fatal alert: UnknownCA": "client-certificate",
  "received fatal alert: HandshakeFailure": "tls",
  "Connection reset by peer (os error 104)": "reset",
  "Broken pipe (os error 32)": "reset",
  "connection closed before message completed": "closed",
  "message head is too large": "head-too-large",
  "invalid HTTP version parsed": "malformed",
  "something new": "other",
};

for (const [words, reason] of Object.entries(SAID)) {
  Deno.test(`faults: "${words}" is ${reason}, from a socket and from fetch`, () => {
    const bare = faultOf(new Error(words));
    const prefix =
      "error sending request for url (http://10.0.0.1/?key=secret): client error (X): ";
    const fetched = faultOf(new TypeError("fetch failed", { cause: new Error(prefix + words) }));
    for (const fault of [bare, fetched]) {
      assertEquals([fault.reason, fault.message], [reason, words]);
    }
  });
}

Deno.test("faults: a URL in words that are not known stays out of them", () => {
  const fault = faultOf(new TypeError("Url scheme not good: http://it/?key=secret"));
  assertEquals([fault.reason, fault.message], ["other", "the request could not be sent"]);
});

Deno.test("faults: a fault stays itself", () => {
  const fault = new UpstreamFault("closed", "it closed");
  assertStrictEquals(faultOf(fault), fault);
});

Deno.test("faults: what fetch says today is known", async () => {
  await using silent = startRawUpstream(() => Promise.resolve());
  await using babbling = startRawUpstream(({ send }) => send("HELLO\r\n\r\n"));
  const told: unknown[] = [];
  for (const url of [refusingUrl(), silent.url, babbling.url]) {
    told.push(await fetch(`${url}/?key=secret`).then(() => "", (error) => faultOf(error).reason));
  }
  assertEquals(told, ["refused", "closed", "malformed"]);
});
