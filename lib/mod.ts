/**
 * What a gateway's config may use: its types, and the pieces that function sources are made of.
 * @module
 */
export * from "./config/define.ts";
export { GatewayError, type GatewayErrorOptions, type Kind } from "./errors.ts";
export { json } from "./reply.ts";
export type { Call, Client, Context, Policy, Reply, Source } from "./source.ts";
