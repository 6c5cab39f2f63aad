/** Media types that shrink: text, and formats made of text. */
const COMPRESSIBLE = new RegExp(
  "^(?:text/(?!event-stream)[\\w.+-]+" +
    "|[\\w.-]+/[\\w.+-]+\\+(?:json|xml|text|yaml)" +
    "|application/(?:json|xml|javascript|x-javascript|ecmascript|wasm|graphql|yaml|x-yaml" +
    "|toml|sql|rtf|x-www-form-urlencoded|vnd\\.ms-fontobject|manifest)" +
    "|font/(?:ttf|otf)|image/(?:bmp|x-icon|vnd\\.microsoft\\.icon))" +
    "[ \\t]*(?:;|$)",
  "i",
);
/** No content, a part of one, or none that a coding could change. */
const EXCLUDED: ReadonlySet<number> = new Set([204, 205, 206, 304]);
/** Digests and signatures of the content, which a coding would make wrong. */
const DIGESTS = ["content-digest", "repr-digest", "digest", "content-md5"];
const NO_TRANSFORM = /(?:^|[\s,])no-transform(?:$|[\s,])/i;

/**
 * Whether a response may be coded: it has no coding yet, a media type that shrinks, and nothing that
 * forbids it. Event streams and NDJSON are not: their records must not be held back.
 */
export function isCompressible(status: number, headers: Headers): boolean {
  return !EXCLUDED.has(status) && COMPRESSIBLE.test(headers.get("content-type") ?? "") &&
    !headers.has("content-encoding") && !headers.has("content-range") &&
    !forbidsTransform(headers) && !DIGESTS.some((name) => headers.has(name));
}

/** Whether a message must not be transformed (RFC 9111 sections 5.2.1.6 and 5.2.2.6). */
export function forbidsTransform(headers: Headers): boolean {
  return NO_TRANSFORM.test(headers.get("cache-control") ?? "");
}
