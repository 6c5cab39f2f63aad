import { clientHeadersOf } from "../config/client_headers.ts";
import { passesCredentials } from "../config/client_credentials.ts";
import type { PartSettings } from "../config/part.ts";
import { Body } from "../core/body.ts";
import { FieldList } from "../core/field_list.ts";
import type { Reply, Source } from "../core/source.ts";
import type { GatherPart } from "../gather/gather_part.ts";
import { jsonBytes } from "../json/json_bytes.ts";

const NO_HEADERS = new FieldList().freeze();
const EMPTY = Body.of(new Uint8Array());

/** Returns how a part with a value is gathered: it calls nothing, and is fresh for ever. */
export function valuePart(part: PartSettings): Omit<GatherPart, "needs"> {
  const { name, body: value, optional, otherwise } = part;
  return {
    name,
    optional,
    otherwise,
    clientHeaders: clientHeadersOf(part),
    source: passesCredentials(part) ? PRIVATE : SHARED,
    call: (inputs) => ({
      method: "GET",
      path: "/",
      headers: NO_HEADERS,
      body: Body.of(jsonBytes(value?.expand(inputs) ?? null)),
    }),
  };
}

/** A reply that no freshness and no scope of a response depends on. */
const SHARED = replying({ status: 200, headers: NO_HEADERS, madeOf: [] });
const PRIVATE = replying({
  status: 200,
  headers: FieldList.of({ "cache-control": "private, max-age=31536000" }).freeze(),
});

function replying(reply: Omit<Reply, "body">): Source {
  return ({ body = EMPTY }) => Promise.resolve({ ...reply, body });
}
