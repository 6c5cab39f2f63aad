import { assertEquals } from "@std/assert";
import { NamedAddresses } from "../../../lib/upstream/named_addresses.ts";
import { isName } from "../../../lib/upstream/is_name.ts";
import type { Resolved } from "../../../lib/transport/socket/look_up.ts";
import { ManualClock, settled } from "../../support/manual_clock.ts";

/** Names `a` and `b`, whose lookups a test plays. */
function play(random = 0) {
  const clock = new ManualClock();
  const answers = new Map<string, Resolved | undefined>();
  const looked: string[] = [];
  const changes: (readonly string[])[][] = [];
  const names = new NamedAddresses({
    hostnames: new Set(["a", "b"]),
    lookUp: (name) => {
      looked.push(name);
      return Promise.resolve(answers.get(name));
    },
    clock,
    random: () => random,
    onChange: (addressesOf) => changes.push(["a", "b"].map(addressesOf)),
  });
  const refresh = async () => {
    names.refresh(clock.monotonic());
    await settled();
  };
  return { clock, answers, looked, changes, refresh };
}

const found = (addresses: readonly string[], ttlMs?: number): Resolved => ({ addresses, ttlMs });

Deno.test("the first call begins a lookup, and calls meanwhile do not", async () => {
  const { answers, looked, changes, refresh } = play();
  answers.set("a", found(["1", "2"])).set("b", found(["3"]));
  await Promise.all([refresh(), refresh(), refresh()]);
  assertEquals(looked, ["a", "b"]);
  assertEquals(changes, [[["1", "2"], ["3"]]]);
});

for (
  const [ttls, validMs] of [
    [[undefined, undefined], 30_000],
    [[20_000, 60_000], 20_000],
    [[0, 60_000], 5_000],
    [[600_000, 900_000], 300_000],
  ] as const
) {
  Deno.test(`records of ${ttls} ms are looked up again after ${validMs} ms`, async () => {
    const { clock, answers, looked, refresh } = play();
    answers.set("a", found(["1"], ttls[0])).set("b", found(["2"], ttls[1]));
    await refresh();
    await clock.advance(validMs - 1);
    await refresh();
    assertEquals(looked.length, 2);
    await clock.advance(1);
    await refresh();
    assertEquals(looked.length, 4);
  });
}

Deno.test("the time of the next lookup varies by up to a tenth", async () => {
  const { clock, looked, refresh } = play(1);
  await refresh();
  await clock.advance(27_000);
  await refresh();
  assertEquals(looked.length, 4);
});

Deno.test("a failed lookup leaves the known addresses, and those of other names change", async () => {
  const { clock, answers, changes, refresh } = play();
  answers.set("a", found(["1", "2"])).set("b", found(["3"]));
  await refresh();
  answers.delete("a");
  answers.set("b", found(["4"]));
  await clock.advance(30_000);
  await refresh();
  assertEquals(changes.at(-1), [["1", "2"], ["4"]]);
});

Deno.test("addresses that have been unused for long are forgotten before they are looked up", async () => {
  const { clock, answers, changes, refresh } = play();
  answers.set("a", found(["1", "2"])).set("b", found(["3"]));
  await refresh();
  await clock.advance(60_000);
  answers.set("a", found(["5", "6"]));
  await refresh();
  assertEquals(changes.slice(1), [[[], []], [["5", "6"], ["3"]]]);
});

Deno.test("only names are looked up, not addresses nor this machine", () => {
  for (const name of ["users", "api.example", "10.example", "mylocalhost"]) {
    assertEquals(isName(name), true, name);
  }
  for (const name of ["10.0.0.1", "[::1]", "localhost", "app.localhost"]) {
    assertEquals(isName(name), false, name);
  }
});
