let loaded: typeof import("node:crypto") | undefined;

/**
 * Returns `node:crypto`, loaded when it is first needed: loading takes a sixth of the time to start.
 * Web Crypto hashes short texts ten times as slowly, and only asynchronously.
 */
export function nodeCrypto(): typeof import("node:crypto") {
  return loaded ??= process.getBuiltinModule("node:crypto");
}
