/** Whether a media type is JSON's own, or one made of it (RFC 6839 section 3.1). */
export function isJsonType(mediaType: string): boolean {
  const [essence = ""] = mediaType.split(";", 1);
  return /^application\/(?:.+\+)?json$/i.test(essence.trim());
}
