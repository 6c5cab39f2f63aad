const ADDRESS = /^(?:127(?:\.\d{1,3}){3}|::1|::ffff:127(?:\.\d{1,3}){3})$/i;
const AUTHORITY = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?$/i;

/** Whether an IP address is a loopback address. */
export function isLoopbackAddress(address: string): boolean {
  return ADDRESS.test(address);
}

/**
 * Whether a host, with or without a port, is loopback: `localhost`, 127.0.0.0/8 or `[::1]`. The
 * owner of any other name can point it at this machine (DNS rebinding).
 */
export function isLoopbackHost(authority: string): boolean {
  return AUTHORITY.test(authority);
}
