import { assertEquals } from "@std/assert";
import { serializeList } from "structured-headers";
import { BodyTooLarge } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import { addProxyStatus, proxyStatusOf } from "../../../lib/http/proxy_status.ts";
import { upstreamFailure, UpstreamFault } from "../../../lib/core/upstream_fault.ts";

/** What the member says besides who says it. */
function said(error: GatewayError): string | undefined {
  const member = proxyStatusOf("gw", { error });
  return member && serializeList([member]).replace(/^gw; ?/, "");
}

const late = (reason: "connect-timeout" | "timeout") =>
  new GatewayError("upstream-timeout", "", { cause: new UpstreamFault(reason, "") });
const invalid = (cause: unknown) => new GatewayError("upstream-invalid", "", { cause });

for (
  const [error, expected] of [
    [upstreamFailure(new UpstreamFault("refused", "")), "error=connection_refused"],
    [upstreamFailure(new UpstreamFault("no-such-host", "")), "error=dns_error"],
    [upstreamFailure(new UpstreamFault("unreachable", "")), "error=destination_ip_unroutable"],
    [upstreamFailure(new UpstreamFault("certificate", "")), "error=tls_certificate_error"],
    [upstreamFailure(new UpstreamFault("tls", "")), "error=tls_protocol_error"],
    [upstreamFailure(new UpstreamFault("reset", "")), "error=connection_terminated"],
    [upstreamFailure(new UpstreamFault("malformed", "")), "error=http_protocol_error"],
    [
      upstreamFailure(new UpstreamFault("head-too-large", "")),
      "error=http_response_header_section_size",
    ],
    [invalid(new UpstreamFault("closed", "")), "error=http_response_incomplete"],
    [late("connect-timeout"), "error=connection_timeout"],
    [late("timeout"), "error=http_response_timeout"],
    [invalid(new BodyTooLarge(1)), "error=http_response_body_size"],
    [invalid(undefined), "error=http_protocol_error"],
    [new GatewayError("upstream-timeout", ""), "error=http_response_timeout"],
    [new GatewayError("overloaded", ""), "error=connection_limit_reached"],
    [new GatewayError("overloaded", "", { receivedStatus: 429 }), "received-status=429"],
    [new GatewayError("upstream-error", "", { receivedStatus: 503 }), "received-status=503"],
    [new GatewayError("bad-request", ""), undefined],
  ] as const
) {
  Deno.test(`${error.kind} of ${error.cause ?? error.receivedStatus} says ${expected}`, () => {
    assertEquals(said(error), expected);
  });
}

Deno.test("members go behind those of other proxies, unless these are malformed", () => {
  const member = proxyStatusOf("gw", { receivedStatus: 502, details: "a: upstream-error" });
  const added = (before: string) => {
    const headers = new Headers({ "proxy-status": before });
    addProxyStatus(headers, member ? [member] : []);
    return headers.get("proxy-status")?.replaceAll("; ", ";");
  };
  const own = 'gw;received-status=502;details="a: upstream-error"';
  assertEquals(added("inner;error=dns_error"), `inner;error=dns_error, ${own}`);
  assertEquals(added('"broken; ('), own);
});
