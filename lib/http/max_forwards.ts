const FIELD = "max-forwards";

/** How many more gateways an OPTIONS request may pass (RFC 9110 section 7.6.2); undefined: any number. */
export function maxForwards(headers: Headers): number | undefined {
  const text = headers.get(FIELD) ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** Counts the gateway in. */
export function countForward(sent: Headers): void {
  const left = maxForwards(sent);
  if (left !== undefined) sent.set(FIELD, String(Math.max(0, left - 1)));
}
