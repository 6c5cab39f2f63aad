/**
 * What a gateway's config may use: its types, and the pieces that function sources are made of.
 * @module
 */
export type { BackgroundTask } from "./background.ts";
export { Body, type BodyOrigin, BodyTooLarge } from "./body.ts";
export type { Bytes } from "./bytes.ts";
export * from "./config/define.ts";
export {
  type Blame,
  GatewayError,
  type GatewayErrorOptions,
  type Kind,
  type KindFacts,
  KINDS,
  type PartFailure,
} from "./errors.ts";
export { type Page, pages, type PagesOptions } from "./pages.ts";
export { json } from "./reply.ts";
export type { CachedFacts, Call, Client, Context, Policy, Reply, Source } from "./source.ts";
export type { Json } from "./template.ts";
export type { PartRecord, Trace } from "./trace.ts";
