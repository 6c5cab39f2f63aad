import type { Bytes } from "./bytes.ts";
import { nodeCrypto } from "./node_crypto.ts";

/**
 * Identifies the content of a safe call, for keys: by its method, every byte, and the headers that say
 * how to read them (RFC 10008 section 2.7).
 * @returns the method, and 22 characters (132 bits of SHA-256)
 */
export function contentKey(method: string, headers: Headers, content: Bytes): string {
  const read = ["content-type", "content-encoding"].map((name) => headers.get(name) ?? "");
  const hash = nodeCrypto().createHash("sha256").update(`${read.join("\n")}\n`).update(content);
  return `${method} ${hash.digest("base64url").slice(0, 22)}`;
}
