import { parseExactly } from "../../json/parse_exactly.ts";
import { isJsonType } from "../../json/is_json_type.ts";
import type { Reply } from "../../core/source.ts";

/** Maximum size (bytes): a problem document may contain one body for each of many items. */
const MAX_BYTES = 16 * 1024;

/** Maximum nesting: JSON.stringify recurses. */
const MAX_DEPTH = 100;

const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads an upstream's error body, which says for example which fields of a form are invalid: JSON of
 * at most 16 KiB, with all digits of its numbers. Undefined for any other body.
 */
export async function refusalBody({ headers, body }: Reply): Promise<unknown> {
  if (!isJsonType(headers.get("content-type") ?? "")) return undefined;
  try {
    const bytes = await body.bytes(MAX_BYTES);
    return bytes.length === 0 || isDeep(bytes) ? undefined : parseExactly(UTF8.decode(bytes));
  } catch {
    return undefined; // too long, or not JSON
  }
}

/** Whether brackets nest too deeply; those within strings count too. */
function isDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  for (const byte of bytes) {
    if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}
