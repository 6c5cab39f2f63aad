/** The platform's codecs. */
export type Zlib = typeof import("node:zlib");

let loading: Promise<Zlib> | undefined;

/** Loads the codecs on first use: at start that would take 25 ms. */
export function loadZlib(): Promise<Zlib> {
  return loading ??= import("node:zlib");
}
