import type { AnyRouteSettings } from "../config/route.ts";
import { type DocObject, ref } from "./document.ts";

const text = (description: string): DocObject => ({ description, schema: { type: "string" } });

/** The headers of responses, as components. */
export const RESPONSE_HEADERS: Readonly<Record<string, DocObject>> = {
  XRequestId: text("The request's id: the client's, if it sent one that is well-formed."),
  GatewayComplete: {
    description: "Whether every part succeeded (RFC 9651 boolean).",
    schema: { type: "string", enum: ["?1", "?0"] },
  },
  ServerTiming: text("How long each part took (W3C Server Timing)."),
  CacheStatus: text("How caches handled the request (RFC 9211)."),
  ProxyStatus: text("Which parts failed, and why (RFC 9209)."),
  PreferenceApplied: text("The preferences that were honoured (RFC 7240)."),
  RateLimit: text('What is left of each limit: `"NAME";r=TOKENS;t=SECONDS`.'),
  RateLimitPolicy: text('The limits of this route: `"NAME";q=BURST;w=SECONDS`.'),
  RetryAfter: {
    description: "When to try again (seconds).",
    schema: { type: "integer", minimum: 0 },
  },
  WwwAuthenticate: text("How to authenticate."),
  ETag: text("Identifies the response, for If-None-Match."),
};

/** Returns the headers that every successful response of a route has. */
export function anyHeaders({ limits }: Pick<AnyRouteSettings, "limits">): DocObject {
  return {
    "X-Request-Id": ref("headers", "XRequestId"),
    ...(limits.length > 0 && {
      "RateLimit": ref("headers", "RateLimit"),
      "RateLimit-Policy": ref("headers", "RateLimitPolicy"),
    }),
  };
}
