import type { Context } from "../core/source.ts";
import type { Origin } from "./socket/origin.ts";

/** Names the server that an attempt calls in its span: a target is known only once it was chosen. */
export function nameServer({ span }: Context, { hostname, address, port }: Origin): void {
  if (span === undefined) return;
  span.set("server.address", hostname);
  span.set("server.port", port);
  if (address !== hostname) span.set("network.peer.address", address);
}
