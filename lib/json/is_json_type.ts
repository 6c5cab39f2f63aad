/** Whether a media type is `application/json` or has the suffix `+json` (RFC 6839 section 3.1). */
export function isJsonType(mediaType: string): boolean {
  const [essence = ""] = mediaType.split(";", 1);
  return /^application\/(?:.+\+)?json$/i.test(essence.trim());
}
