import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Body } from "../../../lib/core/body.ts";
import { GatewayError } from "../../../lib/core/errors.ts";
import type { GatherPart } from "../../../lib/gather/gather_part.ts";
import { type GatherOptions, GatherPlan } from "../../../lib/gather/gather_plan.ts";
import { parsePathTemplate } from "../../../lib/template/template.ts";
import { parseOnlyName } from "../../../lib/template/reference.ts";
import type { Call } from "../../../lib/core/source.ts";
import type { Outcome } from "../../../lib/gather/settle.ts";
import { testCall, testContext } from "../../support/context.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";
import { ScriptedSource } from "../../support/scripted_source.ts";

interface PlayedPart {
  readonly path?: string;
  readonly needs?: readonly string[];
  readonly each?: string;
  readonly concurrency?: number;
  readonly max?: number;
  readonly optional?: boolean;
}

/** Parts that a test settles, called as the client says. */
function play(
  parts: Readonly<Record<string, PlayedPart>>,
  { call = {}, body, ...options }: Partial<GatherOptions> & {
    readonly call?: Partial<Call>;
    readonly body?: unknown;
  } = {},
) {
  const script = new ScriptedSource();
  const request = new AbortController();
  const plan = new GatherPlan(Object.entries(parts).map(([name, given]) => partOf(name, given)), {
    clock: new ManualClock(),
    readsBody: 1000,
    ...options,
  });
  function partOf(name: string, given: PlayedPart): GatherPart {
    const { path = `/${name}`, needs = [], each, optional = false, concurrency = 8, max = 4 } =
      given;
    const template = parsePathTemplate(path);
    const items = each === undefined ? undefined : parseOnlyName(each);
    return {
      name,
      source: script.source,
      needs,
      optional,
      call: (inputs) => testCall({ path: template.expand(inputs) }),
      ...(items && { each: { items, concurrency, max } }),
    };
  }
  const ctx = testContext({ signal: request.signal });
  const bytes = body === undefined ? undefined : new TextEncoder().encode(JSON.stringify(body));
  const gathering = plan.start(testCall({ ...call, ...(bytes && { body: Body.of(bytes) }) }), ctx);
  const outcomes = gathering.then(({ outcomes }) => Array.fromAsync(outcomes));
  outcomes.catch(() => {});
  const called = () => script.asked.map(({ call }) => call.path);
  return { script, request, gathering, outcomes, called, ctx };
}

const kindsOf = (outcomes: readonly Outcome[]) =>
  Object.fromEntries(outcomes.map(({ part, error }) => [part, error?.message]));

Deno.test("a call is made from other parts' data and the client's values", async () => {
  const { script, outcomes, called } = play({
    city: { path: "/cities/{profile.address.cityId}/{query.lang}", needs: ["profile"] },
    profile: { path: "/users/{id}" },
  }, { call: { path: "/?lang=de", params: { id: "7" } } });
  await settled();
  assertEquals(called(), ["/users/7"]);
  script.at(0).answerJson({ address: { cityId: "a/b" } });
  await settled();
  assertEquals(called(), ["/users/7", "/cities/a%2Fb/de"]);
  script.at(1).answerJson(1);
  assertEquals((await outcomes).map(({ part }) => part), ["profile", "city"]);
});

for (
  const [answer, detail] of [
    [{}, "a.x: is missing"],
    [null, "a.x: is missing"],
    [{ x: null }, "a.x: must be a string, a number or a boolean"],
    [{ x: [1] }, "a.x: must be a string, a number or a boolean"],
    [{ x: "" }, 'a.x: must not be empty, "." or ".."'],
    [{ x: ".." }, 'a.x: must not be empty, "." or ".."'],
    [{ x: "\ud83d" }, "a.x: must be valid Unicode"],
  ] as const
) {
  Deno.test(`a part's data that cannot be used: ${JSON.stringify(answer)}`, async () => {
    const { script, outcomes, called, gathering } = play({
      a: {},
      b: { path: "/{a.x}", needs: ["a"] },
    });
    await settled();
    script.at(0).answerJson(answer);
    const [, b] = await outcomes;
    assertEquals([b?.error?.kind, b?.error?.status], ["input-invalid", 502]);
    assertEquals(b?.error?.message, detail);
    assertEquals(called(), ["/a"]);
    assertEquals((await gathering).completion.error?.kind, "input-invalid");
  });
}

Deno.test("the client's values are checked for all parts before the first call", async () => {
  const { outcomes, called } = play({
    a: {},
    b: { path: "/{a.x}/{query.dots}", needs: ["a"] },
  }, { call: { path: "/?dots=.." } });
  const error = await assertRejects(() => outcomes, GatewayError);
  assertEquals(error.kind, "bad-request");
  assertEquals(called(), []);
});

Deno.test("an empty response is null for the parts that need it", async () => {
  const { script, outcomes } = play({ a: {}, b: { path: "/{?a}", needs: ["a"] } });
  await settled();
  script.at(0).answer({
    status: 204,
    headers: new Headers(),
    body: Body.of(new TextEncoder().encode("")),
  });
  assertEquals(kindsOf(await outcomes).b, "a: must be a string, a number or a boolean");
});

// Lists.

const LISTS: readonly (readonly [each: string, more: Parameters<typeof play>[1]])[] = [
  ["{query.ids}", { call: { path: "/?ids=7&x=1&ids=8" } }],
  ["{body.user.ids}", { body: { user: { ids: [7, 8] } } }],
];
for (const [each, more] of LISTS) {
  Deno.test(`a list of the client's starts at once: ${each}`, async () => {
    const { script, outcomes, called } = play({ a: { path: "/{item}", each } }, more);
    await settled();
    assertEquals(called(), ["/7", "/8"]);
    for (const called of script.asked) called.answerJson(called.call.path);
    const [outcome] = await outcomes;
    assertEquals(await outcome?.reply?.body.json(100), ["/7", "/8"]);
  });
}

const FAULTS: readonly (readonly [each: string, more: Parameters<typeof play>[1], string])[] = [
  ["{body.ids}", { body: {} }, "body.ids: must be a list"],
  ["{body.ids}", {}, "body.ids: must be a list"],
  ["{body.ids}", { body: { ids: "7" } }, "body.ids: must be a list"],
  [
    "{body.ids}",
    { body: { ids: [1, 2, 3, 4, 5] } },
    "body.ids: must have at most 4 items for a; got 5",
  ],
  [
    "{query.ids}",
    { call: { path: "/?ids=1&ids=2&ids=3&ids=4&ids=4" } },
    "query.ids: must have at most 4 items for a; got 5",
  ],
  ["{body.ids}", { body: { ids: ["x", ".."] } }, 'item: must not be empty, "." or ".."'],
  ["{body.ids}", { body: { ids: [1, {}] } }, "item: must be a string, a number or a boolean"],
  ["{body.ids}", { body: { ids: [null] } }, "item: must be a string, a number or a boolean"],
];
for (const [each, more, detail] of FAULTS) {
  Deno.test(`a list that the client must not send: ${JSON.stringify(more)}`, async () => {
    const { outcomes, called } = play(
      { b: {}, a: { path: "/{item}", each, optional: true } },
      more,
    );
    const error = await assertRejects(() => outcomes, GatewayError);
    assertEquals([error.kind, error.message, called()], ["bad-request", detail, []]);
  });
}

Deno.test("a client's list that waits for a part is checked before the first call", async () => {
  const parts = { b: {}, a: { path: "/{b.x}/{item}", each: "{query.ids}", needs: ["b"] } };
  const { script, called, outcomes } = play(parts, { call: { path: "/?ids=1&ids=2" } });
  await settled();
  assertEquals(called(), ["/b"]);
  script.at(0).answerJson({ x: "y" });
  await settled();
  assertEquals(called(), ["/b", "/y/1", "/y/2"]);
  script.at(1).answerJson(1);
  script.at(2).answerJson(1);
  await outcomes;
  const wrong = play(parts, { call: { path: "/?ids=." } });
  assertEquals((await assertRejects(() => wrong.outcomes, GatewayError)).kind, "bad-request");
});

Deno.test("a list may have as many items as are taken", async () => {
  const body = { ids: [1, 2, 3, 4] };
  const { script, outcomes, called } = play({ a: { path: "/{item}", each: "{body.ids}" } }, {
    body,
  });
  await settled();
  assertEquals(called(), ["/1", "/2", "/3", "/4"]);
  for (const called of script.asked) called.answerJson(1);
  assertEquals(kindsOf(await outcomes).a, undefined);
});

Deno.test("a query without the list has an empty one", async () => {
  const { outcomes, called } = play({ a: { path: "/{item}", each: "{query.ids}" } });
  const [outcome] = await outcomes;
  assertEquals([await outcome?.reply?.body.json(100), called()], [[], []]);
});

for (
  const [answer, kind, detail] of [
    [
      { ids: [1, 2, 3, 4, 5] },
      "too-many-items",
      "list.ids: must have at most 4 items for a; got 5",
    ],
    [{ ids: 1 }, "input-invalid", "list.ids: must be a list"],
    [{ ids: { length: 1 } }, "input-invalid", "list.ids: must be a list"],
    [{}, "input-invalid", "list.ids: is missing"],
    [{ ids: null }, "input-invalid", "list.ids: must be a list"],
    [{ ids: [{}] }, "input-invalid", "item 0: item: must be a string, a number or a boolean"],
    [{ ids: [""] }, "input-invalid", 'item 0: item: must not be empty, "." or ".."'],
  ] as const
) {
  Deno.test(`an invalid list of a part: ${JSON.stringify(answer)}`, async () => {
    const { script, outcomes, called } = play({
      list: {},
      a: { path: "/{item}", each: "{list.ids}", needs: ["list"] },
    });
    await settled();
    script.at(0).answerJson(answer);
    const [, a] = await outcomes;
    assertEquals([a?.error?.kind, a?.error?.status, a?.error?.message], [kind, 502, detail]);
    assertEquals(called(), ["/list"]);
  });
}

/** A list of three items, the second of which fails. */
async function lackingList(
  parts: Readonly<Record<string, PlayedPart>>,
  options: Parameters<typeof play>[1] = {},
) {
  const played = play(parts, {
    ...options,
    call: { path: "/?ids=1&ids=2&ids=3", ...options.call },
  });
  await settled();
  played.script.at(1).fail(new GatewayError("upstream-error", "it failed"));
  await settled();
  return played;
}

const LIST = { path: "/{item}", each: "{query.ids}" };
const strict = { headers: new Headers({ prefer: "handling=strict" }) };

for (
  const [what, list, options] of [
    ["is required", LIST, {}],
    ["is one of a race", LIST, { quorum: 1 }],
    ["is to be strict", { ...LIST, optional: true }, { call: strict }],
  ] as const
) {
  Deno.test(`a list that lacks an item fails where it ${what}`, async () => {
    const { script, outcomes, gathering } = await lackingList({ a: list }, options);
    const [outcome] = await outcomes;
    assertEquals([outcome?.error?.kind, script.inFlight], ["upstream-error", 0]);
    assertEquals((await gathering).completion.failures.map(({ index }) => index), [1]);
  });
}

Deno.test("an optional list that lacks an item succeeds, and other parts can use it", async () => {
  const { script, outcomes, gathering, called } = await lackingList({
    a: { ...LIST, optional: true },
    b: { path: "/{a.0}", needs: ["a"] },
  });
  script.at(0).answerJson("one");
  script.at(2).answerJson("three");
  await settled();
  assertEquals(called().at(-1), "/one");
  script.at(3).answerJson(1);
  assertEquals(Object.values(kindsOf(await outcomes)), [undefined, undefined]);
  const { completion } = await gathering;
  assertEquals([completion.isComplete, completion.error], [false, undefined]);
});

// What is decided.

Deno.test("a client that is strict makes every part required", async () => {
  const { script, gathering, outcomes } = play({ a: { optional: true }, b: {} }, { call: strict });
  await settled();
  script.at(0).fail(new GatewayError("upstream-error", "it failed"));
  await outcomes;
  assertEquals((await gathering).completion.error?.message, "the part a is required: it failed");
  assertEquals(script.inFlight, 0);
});

Deno.test("a race is not made stricter", async () => {
  const { script, gathering, outcomes } = play({ a: {}, b: {} }, { quorum: 1, call: strict });
  await settled();
  script.at(0).fail(new GatewayError("upstream-error", "it failed"));
  await settled();
  script.at(1).answerJson(1);
  await outcomes;
  assert((await gathering).completion.isComplete);
});

Deno.test("the trace has one outcome a part, in their order", async () => {
  const { script, ctx, outcomes } = play({ a: {}, b: {}, c: { needs: ["a"] } });
  await settled();
  script.at(1).answerJson(1);
  await settled();
  script.at(0).fail(new GatewayError("upstream-error", "it failed"));
  const seen = await outcomes;
  assertEquals(ctx.trace.parts.map(({ part }) => part), ["b", "a", "c"]);
  seen.forEach((outcome, index) => assertStrictEquals(ctx.trace.parts[index], outcome));
});

Deno.test("two requests at once have nothing to do with each other", async () => {
  const parts = { a: {}, b: { path: "/{a.x}", needs: ["a"] } };
  const script = new ScriptedSource();
  const plan = new GatherPlan(
    Object.entries(parts).map(([name, given]: [string, PlayedPart]) => {
      const template = parsePathTemplate(given.path ?? `/${name}`);
      return {
        name,
        source: script.source,
        needs: given.needs ?? [],
        optional: false,
        call: (inputs) => testCall({ path: template.expand(inputs) }),
      };
    }),
    { clock: new ManualClock() },
  );
  const both = [1, 2].map(async () => {
    const { outcomes } = await plan.start(testCall(), testContext());
    return await Array.fromAsync(outcomes);
  });
  await settled();
  script.at(1).answerJson({ x: "second" });
  script.at(0).answerJson({ x: "first" });
  await settled();
  assertEquals(script.asked.slice(2).map(({ call }) => call.path).toSorted(), [
    "/first",
    "/second",
  ]);
  for (const called of script.asked.slice(2)) called.answerJson(1);
  assertEquals((await Promise.all(both)).map(({ length }) => length), [2, 2]);
});

Deno.test("the deadline that fails the whole lists a list that it cut off, as any other part", async () => {
  const { request, gathering, outcomes } = play({
    a: {},
    friends: { ...LIST, optional: true },
    plain: { optional: true },
  }, { call: { path: "/?ids=1&ids=2" } });
  await settled();
  request.abort(new GatewayError("deadline-exceeded", "late"));
  await outcomes;
  const { failures } = (await gathering).completion;
  assertEquals(new Set(failures.map(({ part }) => part)), new Set(["a", "friends", "plain"]));
});
