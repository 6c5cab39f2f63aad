import { assertEquals } from "@std/assert";
import { isWithin, parseAddress, parseRange } from "../../../lib/http/address.ts";
import { addressSubject, type Block } from "../../../lib/operator/block.ts";
import { BlockList } from "../../../lib/operator/block_list.ts";
import { Random } from "../../support/random.ts";

const NOW = 1_000_000;

function ban(of: Block["of"], until = NOW + 1_000): Block {
  return { of, at: NOW, until };
}

Deno.test("a client is banned by its name, an address by itself or by a range it lies in", () => {
  const bans = new BlockList([
    ban("client mobile"),
    ban("ip 203.0.113.7"),
    ban("ip 198.51.100.0/24"),
    ban("ip 2001:db8:1:2::/64"),
  ]);
  const isBanned = (client: { name?: string; address?: string }) => bans.of(client, NOW)?.of;
  assertEquals(isBanned({ name: "mobile" }), "client mobile");
  assertEquals(isBanned({ name: "mobile2" }), undefined);
  assertEquals(isBanned({ address: "203.0.113.7" }), "ip 203.0.113.7");
  assertEquals(isBanned({ address: "::ffff:203.0.113.7" }), "ip 203.0.113.7");
  assertEquals(isBanned({ address: "203.0.113.8" }), undefined);
  assertEquals(isBanned({ address: "198.51.100.200" }), "ip 198.51.100.0/24");
  assertEquals(isBanned({ address: "2001:db8:1:2:ffff::1" }), "ip 2001:db8:1:2::/64");
  assertEquals(isBanned({ address: "2001:db8:1:3::1" }), undefined);
  assertEquals(isBanned({ address: "unix" }), undefined);
  assertEquals(isBanned({}), undefined);
});

Deno.test("a ban ends by itself, and of several the longest counts", () => {
  const bans = new BlockList([
    ban("client mobile", NOW + 10),
    ban("ip 203.0.113.7", NOW + 30),
    ban("ip 203.0.113.0/24", NOW + 20),
  ]);
  const both = { name: "mobile", address: "203.0.113.7" };
  assertEquals(bans.of(both, NOW)?.until, NOW + 30);
  assertEquals(bans.of({ name: "mobile" }, NOW + 9)?.until, NOW + 10);
  assertEquals(bans.of({ name: "mobile" }, NOW + 10), undefined);
  assertEquals(bans.list(NOW).map(({ of }) => of), [
    "client mobile",
    "ip 203.0.113.0/24",
    "ip 203.0.113.7",
  ]);
  assertEquals(bans.list(NOW + 10).length, 2);
  assertEquals([bans.has("client mobile", NOW), bans.has("client mobile", NOW + 10)], [
    true,
    false,
  ]);
});

Deno.test("property: an address is banned when it lies in a banned range, and only then", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const v4 = () => Array.from({ length: 4 }, () => random.pick([0, 1, 127, 128, 255])).join(".");
    const groups = ["0", "1", "8000", "ffff"];
    // Nobody who bans ::/64 means all IPv4 addresses, which are mapped into it.
    const v6 = () => ["2001", ...Array.from({ length: 7 }, () => random.pick(groups))].join(":");
    const texts = Array.from(
      { length: random.int(0, 8) },
      () => random.bool() ? `${v4()}/${random.int(8, 32)}` : `${v6()}/${random.int(16, 64)}`,
    );
    const bans = new BlockList(texts.flatMap((text) => {
      const of = addressSubject(text);
      return of ? [ban(of)] : [];
    }));
    const ranges = texts.flatMap((text) => {
      const range = addressSubject(text) && parseRange(text);
      return range ? [range] : [];
    });
    for (let i = 0; i < 50; i++) {
      const address = random.bool() ? v4() : v6();
      const bytes = parseAddress(address);
      const expected = bytes !== undefined && isWithin(bytes, ranges);
      assertEquals(bans.of({ address }, NOW) !== undefined, expected, `seed ${seed}: ${address}`);
    }
  }
});
