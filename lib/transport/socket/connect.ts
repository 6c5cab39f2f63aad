import { abortable } from "@std/async";
import { abortedIn, UpstreamFault } from "../../core/upstream_fault.ts";
import { isPrivateAddress } from "../../http/is_private_address.ts";
import { faultOf } from "../fault_of.ts";
import type { Origin } from "./origin.ts";

/** The only protocol offered in TLS: HTTP/2 would need another client. */
const ALPN = ["http/1.1"];

/** How connections are opened. */
export interface ConnectOptions {
  /** Whether TLS must be opened in one step, because plain TCP to port 443 is forbidden. */
  readonly isTlsInOneStep: boolean;
}

/**
 * Opens a connection, with verified TLS for https origins.
 * @throws {UpstreamFault} if it fails; the signal's reason if it aborts
 */
export async function connect(
  origin: Origin,
  signal: AbortSignal,
  { isTlsInOneStep }: ConnectOptions,
): Promise<Deno.Conn> {
  let state = "no connection was made";
  try {
    // Only in one step does Deno send a certificate of its own.
    if (origin.isSecure && (isTlsInOneStep || origin.tls?.own)) {
      return checked(await connectTls(origin, signal), origin);
    }
    const tcp = checked(await connectTcp(origin, signal), origin);
    if (!origin.isSecure) return tcp;
    state = "the TLS handshake is incomplete";
    return await upgrade(tcp, origin, signal);
  } catch (error) {
    throw signal.aborted ? abortedIn(state, "connect-timeout", signal.reason) : faultOf(error);
  }
}

/**
 * Refuses a connection into a private network, where that is not allowed. It is the connection itself
 * that is looked at, not what a name resolves to, which can change from one look to the next.
 */
function checked<Open extends Deno.Conn>(connection: Open, { allowsPrivate }: Origin): Open {
  const { remoteAddr } = connection;
  const address = "hostname" in remoteAddr ? remoteAddr.hostname : "";
  if (allowsPrivate || !isPrivateAddress(address)) return connection;
  close(connection);
  const rule = "allowPrivate is false, and its name leads to a private address";
  throw new UpstreamFault("private-address", rule);
}

/** A server on `localhost` may listen on either address, whatever the resolver returns. */
async function connectTcp({ address, port }: Origin, signal: AbortSignal): Promise<Deno.TcpConn> {
  signal.throwIfAborted();
  const connecting = new AbortController();
  // Once it has a connection, Deno checks its signal again, and if that has aborted meanwhile it
  // throws and leaves the connection open.
  connecting.signal.throwIfAborted = () => {};
  const abort = () => connecting.abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    const tcp = await connectEither({ hostname: address, port, signal: connecting.signal });
    if (signal.aborted) close(tcp);
    signal.throwIfAborted();
    return tcp;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

async function connectEither(
  options: Deno.ConnectOptions & { readonly hostname: string; readonly signal: AbortSignal },
): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ ...options, autoSelectFamily: true });
  } catch (error) {
    if (options.hostname !== "localhost" || options.signal.aborted) throw error;
    return await Deno.connect({ ...options, hostname: "::1" }).catch(() => {
      throw error;
    });
  }
}

async function upgrade(
  tcp: Deno.TcpConn,
  origin: Origin,
  signal: AbortSignal,
): Promise<Deno.TlsConn> {
  let open: Deno.Conn = tcp;
  const abort = () => close(open);
  signal.addEventListener("abort", abort, { once: true });
  try {
    const tls = await Deno.startTls(tcp, {
      hostname: origin.tls?.serverName ?? origin.hostname,
      caCerts: casOf(origin),
      alpnProtocols: ALPN,
    });
    open = tls;
    signal.throwIfAborted();
    await tls.handshake();
    return tls;
  } catch (error) {
    close(open);
    throw error;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The platform cannot abort here: a connection that opens after an abort is closed at once. */
async function connectTls(origin: Origin, signal: AbortSignal): Promise<Deno.TlsConn> {
  const opening = open();
  try {
    return await abortable(opening, signal);
  } catch (error) {
    opening.then(close, () => {});
    throw error;
  }

  async function open(): Promise<Deno.TlsConn> {
    const { hostname, port, tls: settings } = origin;
    const caCerts = casOf(origin);
    const options = { hostname, port, caCerts, alpnProtocols: ALPN, autoSelectFamily: true };
    const tls = await Deno.connectTls({ ...options, ...settings?.own });
    try {
      await tls.handshake();
      return tls;
    } catch (error) {
      close(tls);
      throw error;
    }
  }
}

function casOf({ tls }: Origin): string[] {
  return tls?.ca === undefined ? [] : [tls.ca];
}

function close(connection: Deno.Conn): void {
  try {
    connection.close();
  } catch {
    // It was already closed.
  }
}
