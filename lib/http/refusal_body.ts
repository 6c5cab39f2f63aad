import { parseExactly } from "../json/parse_exactly.ts";
import { isJsonType } from "../json/is_json_type.ts";
import type { Reply } from "../source.ts";

/** A longer explanation is left out: a problem document may hold one for each of many items. */
const MAX_BYTES = 16 * 1024;

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * What an upstream says about its refusal, such as which fields of a form are wrong: its JSON body
 * of at most 16 KiB, with the digits of its numbers as they came. Undefined for any other body.
 */
export async function refusalBody({ headers, body }: Reply): Promise<unknown> {
  if (!isJsonType(headers.get("content-type") ?? "")) return undefined;
  try {
    const bytes = await body.bytes(MAX_BYTES);
    return bytes.length === 0 ? undefined : parseExactly(UTF8.decode(bytes));
  } catch {
    return undefined; // too long, nested too deeply, or no JSON after all
  }
}
