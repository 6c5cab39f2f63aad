import type { AnswerOf, GatewayConfig, PartProblem } from "sluice";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;
/** Flattens an intersection, so that it can be compared. */
type Flat<T> = { [K in keyof T]: T[K] };

const config = {
  upstreams: { up: { url: "http://up.example" } },
  routes: {
    "GET /home": {
      gather: {
        user: { from: "up", map: (data: unknown) => ({ name: String(data) }) },
        plain: { from: "up" },
        news: { from: "up", optional: true, map: () => 1 },
        offers: { from: "up", otherwise: [], map: () => "offer" },
        friends: { from: "up", path: "/{item}", each: "{plain.ids}", map: () => true },
        secret: { from: "up", hidden: true },
        gift: { from: "up", when: "query.gift == '1'", map: () => 2 },
      },
    },
    "GET /first": { first: { a: { from: "up", map: () => 1 }, b: { from: "up", map: () => "b" } } },
    "GET /quorum": { quorum: 1, gather: { a: { from: "up", map: () => 1 } } },
    "GET /own": { gather: { a: { from: "up" } }, answer: "{a}" },
    "ANY /forward": { forward: "up" },
  },
} as const satisfies GatewayConfig;

type Home = AnswerOf<typeof config, "GET /home">;
type Route = keyof typeof config.routes;
type DataOf<Key extends Route> = AnswerOf<typeof config, Key> extends { data: infer Data } ? Data
  : "no data";

// The compiler checks these: another type is an error.
const home: Equal<
  Flat<Home["data"]>,
  {
    readonly user: { name: string };
    readonly plain: unknown;
    readonly news: number | null;
    readonly offers: string | readonly [];
    readonly friends: readonly (boolean | null)[];
    readonly gift?: number;
  }
> = true;
const problems: Equal<Home["problems"], readonly PartProblem[] | undefined> = true;
const first: Equal<DataOf<"GET /first">, number | string> = true;
const quorum: Equal<DataOf<"GET /quorum">, { readonly a?: number }> = true;
const own: Equal<AnswerOf<typeof config, "GET /own">, unknown> = true;
const forward: Equal<AnswerOf<typeof config, "ANY /forward">, unknown> = true;

Deno.test("the type of each route's response is what its parts say", () => {
  const checked: readonly true[] = [home, problems, first, quorum, own, forward];
  if (checked.length !== 6) throw new Error("some types were not checked");
});
