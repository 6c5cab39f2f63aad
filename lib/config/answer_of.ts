import type { PartProblem } from "../http/problem.ts";

/**
 * The type of a route's response, for TypeScript clients. A part's data has the type that its `map`
 * returns, and is `unknown` without one. The config has to keep its literal types: `as const satisfies
 * GatewayConfig`.
 *
 * @example
 * ```ts
 * import { type AnswerOf, defineGateway, type GatewayConfig } from "sluice";
 *
 * const config = {
 *   upstreams: { users: { url: "http://127.0.0.1:9001" } },
 *   routes: {
 *     "GET /home/:id": {
 *       gather: {
 *         user: { from: "users", path: "/users/{id}", map: (data) => ({ name: String(data) }) },
 *         news: { from: "users", path: "/news", optional: true },
 *       },
 *     },
 *   },
 * } as const satisfies GatewayConfig;
 *
 * type Home = AnswerOf<typeof config, "GET /home/:id">;
 * export const nameOf = ({ data }: Home): string => data.user.name;
 * export default defineGateway(config);
 * ```
 */
export type AnswerOf<
  Config extends { readonly routes: object },
  Route extends keyof Config["routes"],
> = Config["routes"][Route] extends infer Of
  ? Of extends { readonly answer: unknown } | { readonly merge: unknown } ? unknown
  : Of extends { readonly first: infer Parts } ? AggregateAnswer<DataOf<Parts[keyof Parts]>>
  : Of extends { readonly gather: infer Parts; readonly quorum: number }
    ? AggregateAnswer<{ readonly [Name in keyof Parts]?: DataOf<Parts[Name]> }>
  : Of extends { readonly gather: infer Parts } ? AggregateAnswer<DataOfParts<Parts>>
  : unknown
  : never;

/** The response of an aggregate. */
export interface AggregateAnswer<Data> {
  /** The data of the parts. */
  readonly data: Data;
  /** Whether all parts succeeded. */
  readonly complete: boolean;
  /** Why parts are missing; absent if none is. */
  readonly problems?: readonly PartProblem[];
  /** The parts that are stale, because their upstreams failed; absent if none is. */
  readonly stale?: readonly string[];
}

/**
 * A member for each part that is not hidden; one that may not be called may be absent.
 * @internal
 */
export type DataOfParts<Parts> =
  & {
    readonly [
      Name in keyof Parts as Parts[Name] extends Hidden | Conditional ? never : Name
    ]: MemberOf<Parts[Name]>;
  }
  & {
    readonly [
      Name in keyof Parts as Parts[Name] extends Hidden ? never
        : Parts[Name] extends Conditional ? Name
        : never
    ]?: MemberOf<Parts[Name]>;
  };

type Hidden = { readonly hidden: true };
type Conditional = { readonly when: string };

/** A part's data, or what is sent in its place if it fails. */
type MemberOf<Part> = Part extends { readonly otherwise: infer Otherwise }
  ? DataOf<Part> | Otherwise
  : Part extends { readonly optional: true } ? DataOf<Part> | null
  : DataOf<Part>;

/**
 * A part's data; that of an `each` or a `batch` has null for an item that failed.
 * @internal
 */
export type DataOf<Part> = Part extends { readonly each: string } | { readonly batch: object }
  ? readonly (MappedBy<Part> | null)[]
  : MappedBy<Part>;

type MappedBy<Part> = Part extends { readonly map: (...values: never[]) => infer Mapped } ? Mapped
  : unknown;
