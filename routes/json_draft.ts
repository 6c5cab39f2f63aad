import { FieldList } from "../lib/core/field_list.ts";
import { ResponseDraft } from "../middleware/response_draft.ts";

/** A response with a JSON document of the gateway's own. */
export function jsonDraft(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): ResponseDraft {
  return new ResponseDraft(JSON.stringify(value), {
    status,
    headers: FieldList.of({ "content-type": "application/json", ...headers }),
  });
}
