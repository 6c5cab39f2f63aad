/**
 * The gateway's rate limiter as middleware for a Hono app.
 * @module
 */
export {
  type DeniedRequest,
  rateLimit,
  type RateLimitKey,
  type RateLimitMiddleware,
  type RateLimitOptions,
} from "./rate_limit.ts";
export type { HonoContext } from "./hono_context.ts";
