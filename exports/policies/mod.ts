/**
 * The gateway's policies around any async function, and what Sources are made and called with.
 * @module
 */
export { around, type Work } from "./around.ts";
export { breaker } from "./breaker.ts";
export { bulkhead, type BulkheadConfig } from "./bulkhead.ts";
export { callContext, type CallContextOptions, getCall } from "./call_context.ts";
export { coalesce } from "./coalesce.ts";
export { gather, type GatherConfig } from "./gather.ts";
export { hedge } from "./hedge.ts";
export { retry } from "./retry.ts";
export { timeout } from "./timeout.ts";
export { guard } from "../../lib/core/source.ts";
export { type Outcome, type Part, settle, type SettleOptions } from "../../lib/gather/settle.ts";
export { fromResponse } from "../../lib/transport/from_response.ts";
