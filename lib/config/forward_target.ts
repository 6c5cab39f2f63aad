import * as v from "valibot";
import { OVERRIDES } from "../http/removed_headers.ts";
import { isRecord } from "../core/is_record.ts";
import { choice, value } from "./facts.ts";
import { forwardPath } from "./forward_path.ts";
import { headerRulesSchema } from "./header_rules.ts";
import { list, object } from "./object.ts";
import { caseless, fixedPath, flag, text } from "./values.ts";
import { webSocketOrTrue } from "./web_socket.ts";

const FORWARD_RULE =
  'must be the name of an upstream, or an object such as { to: "NAME", strip: "/prefix" }';
const removedHeader = value(
  "header",
  { type: "string", pattern: `^(${caseless([...OVERRIDES].join("|"))})$` },
  v.pipe(
    text,
    v.toLowerCase(),
    v.check(
      (name) => OVERRIDES.has(name),
      "must be a header that forwards remove, such as x-http-method-override",
    ),
  ),
);
const forwardObject = object({
  /** The upstream's name. */
  to: text,
  /** Prefix to remove from the path: `/v1`. Default: nothing. */
  strip: v.optional(fixedPath),
  /**
   * The path to send, with templates: `/users/{id}`, `/internal/{rest}`, where `{rest}` is what the
   * route's `*` matched; the client's query follows. Default: the client's path.
   */
  path: v.optional(forwardPath),
  /** Changes to the headers of requests. Default: none. */
  request: v.optional(headerRulesSchema),
  /** Changes to the headers of responses. Default: none. */
  response: v.optional(headerRulesSchema),
  /** Headers to pass on although forwards remove them: `X-HTTP-Method-Override`. Default: none. */
  passHeaders: v.optional(list(removedHeader, "must be a list of headers"), []),
  /** Whether to pass on the client's key, as `clients.key` names it. */
  passClientKey: v.optional(flag, false),
  /** Whether to pass on the credentials that the route's `auth` reads, such as `Authorization`. */
  passCredentials: v.optional(flag, false),
  /**
   * Whether `Path` and `Domain` of the upstream's cookies become those of the client's URLs: with
   * `strip: "/v1"`, `Path=/` becomes `Path=/v1`.
   */
  rewriteCookies: v.optional(flag, true),
  /** Passes WebSocket connections on: `true`, or an object with these keys. Default: they are refused. */
  websocket: v.optional(webSocketOrTrue),
}, { not: { required: ["path", "strip"] } });
const forwardName = value(
  "upstream",
  { type: "string" },
  v.pipe(
    text,
    v.transform((to) => ({
      to,
      strip: undefined,
      path: undefined,
      request: undefined,
      response: undefined,
      passHeaders: [],
      passClientKey: false,
      passCredentials: false,
      rewriteCookies: true,
      websocket: undefined,
    })),
  ),
);

/** The upstream of a forward, and what is changed on the way. */
export const forwardTarget = choice(
  v.lazy((input) => {
    if (typeof input === "string") return forwardName;
    return isRecord(input) ? forwardObject : v.never(FORWARD_RULE);
  }),
  forwardName,
  forwardObject,
);
