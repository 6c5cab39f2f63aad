import type { Settings } from "../lib/config/gateway.ts";
import { FieldList } from "../lib/core/field_list.ts";
import { writeJson } from "../lib/json/write_json.ts";
import { openApiDocument } from "../lib/openapi/openapi.ts";
import type { Endpoint } from "../middleware/middleware.ts";
import { ResponseDraft } from "../middleware/response_draft.ts";

/** Serves the OpenAPI document of the routes; it is written at the first request. */
export function openApiEndpoint(settings: Settings): Endpoint {
  let text: string | undefined;
  return () => {
    text ??= writeJson(openApiDocument(settings)) ?? "";
    const headers = { "content-type": "application/json", "cache-control": "no-store" };
    return new ResponseDraft(text, { headers: FieldList.of(headers) });
  };
}
