import { nodeCrypto } from "./node_crypto.ts";

/** Returns twelve hex digits that identify a text without revealing it. */
export function fingerprint(text: string): string {
  return nodeCrypto().createHash("sha256").update(text).digest("hex").slice(0, 12);
}
