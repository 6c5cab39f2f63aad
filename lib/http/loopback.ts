const ADDRESS = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/i;
const AUTHORITY = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Whether an IP address is this machine's own. */
export function isLoopbackAddress(address: string): boolean {
  return ADDRESS.test(address);
}

/**
 * Whether a host, with or without a port, names this machine to itself: `localhost`, 127.0.0.0/8 or
 * `[::1]`. Any other name may be pointed at this machine by whoever owns it (DNS rebinding).
 */
export function isLoopbackHost(authority: string): boolean {
  return AUTHORITY.test(authority);
}
