import { parseExactly } from "../../json/parse_exactly.ts";
import { isJsonType } from "../../json/is_json_type.ts";
import type { Reply } from "../../core/source.ts";

/** A longer explanation is left out: a problem document may hold one for each of many items. */
const MAX_BYTES = 16 * 1024;

/** What is nested deeper could not be written again: JSON.stringify recurses. */
const MAX_DEPTH = 100;

const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

const UTF8 = new TextDecoder("utf-8", { fatal: true });

/**
 * What an upstream says about its refusal, such as which fields of a form are wrong: its JSON body
 * of at most 16 KiB, with the digits of its numbers as they came. Undefined for any other body.
 */
export async function refusalBody({ headers, body }: Reply): Promise<unknown> {
  if (!isJsonType(headers.get("content-type") ?? "")) return undefined;
  try {
    const bytes = await body.bytes(MAX_BYTES);
    return bytes.length === 0 || isDeep(bytes) ? undefined : parseExactly(UTF8.decode(bytes));
  } catch {
    return undefined; // too long, or no JSON after all
  }
}

/** Whether brackets open deeper than they may; those within strings count too. */
function isDeep(bytes: Uint8Array): boolean {
  let depth = 0;
  for (const byte of bytes) {
    if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth--;
    if (depth > MAX_DEPTH) return true;
  }
  return false;
}
