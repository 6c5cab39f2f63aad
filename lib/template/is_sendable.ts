/** A character that a header's value must not contain (RFC 9110 section 5.5). */
const UNSENDABLE = /[^\t\x20-\x7e\x80-\xff]/;

/** Whether a text can be sent as the value of a header. */
export function isSendable(text: string): boolean {
  return !UNSENDABLE.test(text);
}
