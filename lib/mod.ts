/**
 * An API gateway: its config, a gateway within a program of one's own, and the pieces that function
 * sources are made of.
 * @module
 */
export type { AccessEntry, PartEntry } from "../middleware/access_entry.ts";
export type { CutShort } from "../middleware/logged_request.ts";
export {
  createGateway,
  type Gateway,
  type GatewayLogEntry,
  type GatewayOptions,
} from "../routes/create_gateway.ts";
export type { BufferAccount, BufferBudget, Holdable } from "./core/buffer_budget.ts";
export type { BackgroundTask } from "./core/background.ts";
export { Body, type BodyOrigin, BodyTooLarge } from "./core/body.ts";
export type { Bytes } from "./core/bytes.ts";
export type { AggregateAnswer, AnswerOf } from "./config/answer_of.ts";
export type { AuthConfig } from "./config/auth.ts";
export type { BreakerConfig } from "./config/breaker.ts";
export type { Clock } from "./core/clock.ts";
export type { CacheConfig } from "./config/cache.ts";
export type { ClientsConfig } from "./config/client.ts";
export { defineGateway, type GatewayConfig } from "./config/gateway.ts";
export type { HeaderRulesConfig } from "./config/header_rules.ts";
export type { Allowance, KeySource, LimitConfig } from "./config/limit.ts";
export type { PagesConfig } from "./config/pages.ts";
export type { AnyPart, Part, ValuePart, WorkerPart } from "./config/part.ts";
export type { PartMethod } from "./config/part_method.ts";
export type { HedgeConfig } from "./config/hedge.ts";
export type { RetryConfig } from "./config/retry.ts";
export type {
  BatchRoute,
  FirstRoute,
  ForwardRoute,
  GatherRoute,
  RouteKey,
  RouteMethod,
} from "./config/route.ts";
export type { HealthConfig } from "./config/targets.ts";
export type { Duration, Size as ByteSize } from "./config/units.ts";
export {
  type AnyUpstream,
  type BalancedUpstream,
  defineUpstream,
  type FunctionUpstream,
  type HttpUpstream,
  type OpenedUpstream,
  type Upstream,
  type WorkerFunction,
  type WorkerPath,
  type WorkerUpstream,
} from "./config/upstream.ts";
export type { Text as ConfigText } from "./config/values.ts";
export type { WebSocketConfig } from "./config/web_socket.ts";
export {
  type Blame,
  GatewayError,
  type GatewayErrorOptions,
  type Kind as ProblemKind,
  type KindFacts as ProblemFacts,
  KINDS as PROBLEMS,
  type PartFailure,
} from "./core/errors.ts";
export type { PartProblem, Problem } from "./http/problem.ts";
export { ExactNumber } from "./json/exact_number.ts";
export { type Page as FetchedPage, pages, type PagesOptions } from "./gather/pages.ts";
export { json } from "./json/json_reply.ts";
export type { CachedFacts } from "./core/cached_facts.ts";
export type { Call, Client, Context, Policy, Reply, Source } from "./core/source.ts";
export { literal } from "./template/literal.ts";
export type { Json } from "./template/template.ts";
export type { Level } from "./log/level.ts";
export type { LogEntry, LogFacts } from "./log/log_entry.ts";
export type { Span, SpanValue } from "./core/span.ts";
export type { CallRecord, PartRecord, Trace, WaitRecord } from "./core/trace.ts";
export type { UpstreamFaultReason } from "./core/upstream_fault.ts";
export type { BridgeEnd } from "./transport/web_socket/bridge.ts";
export type { UpstreamWebSocket, WebSocketListener, WebSocketOffer } from "./core/web_socket.ts";
