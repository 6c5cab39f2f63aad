import { assertEquals } from "@std/assert";
import { isWithin, parseAddress, parseRange } from "../../../lib/http/address.ts";
import { addressSubject, type Block } from "../../../lib/operator/block.ts";
import { BlockList } from "../../../lib/operator/block_list.ts";
import { Random } from "../../support/random.ts";

const NOW = 1_000_000;

function block(of: Block["of"], until = NOW + 1_000): Block {
  return { of, at: NOW, until };
}

Deno.test("a client is blocked by its name, an address by itself or by a range it lies in", () => {
  const blocks = new BlockList([
    block("client mobile"),
    block("ip 203.0.113.7"),
    block("ip 198.51.100.0/24"),
    block("ip 2001:db8:1:2::/64"),
  ]);
  const isBlocked = (client: { name?: string; address?: string }) => blocks.of(client, NOW)?.of;
  assertEquals(isBlocked({ name: "mobile" }), "client mobile");
  assertEquals(isBlocked({ name: "mobile2" }), undefined);
  assertEquals(isBlocked({ address: "203.0.113.7" }), "ip 203.0.113.7");
  assertEquals(isBlocked({ address: "::ffff:203.0.113.7" }), "ip 203.0.113.7");
  assertEquals(isBlocked({ address: "203.0.113.8" }), undefined);
  assertEquals(isBlocked({ address: "198.51.100.200" }), "ip 198.51.100.0/24");
  assertEquals(isBlocked({ address: "2001:db8:1:2:ffff::1" }), "ip 2001:db8:1:2::/64");
  assertEquals(isBlocked({ address: "2001:db8:1:3::1" }), undefined);
  assertEquals(isBlocked({ address: "unix" }), undefined);
  assertEquals(isBlocked({}), undefined);
});

Deno.test("a block ends by itself, and of several the longest counts", () => {
  const blocks = new BlockList([
    block("client mobile", NOW + 10),
    block("ip 203.0.113.7", NOW + 30),
    block("ip 203.0.113.0/24", NOW + 20),
  ]);
  const both = { name: "mobile", address: "203.0.113.7" };
  assertEquals(blocks.of(both, NOW)?.until, NOW + 30);
  assertEquals(blocks.of({ name: "mobile" }, NOW + 9)?.until, NOW + 10);
  assertEquals(blocks.of({ name: "mobile" }, NOW + 10), undefined);
  assertEquals(blocks.list(NOW).map(({ of }) => of), [
    "client mobile",
    "ip 203.0.113.0/24",
    "ip 203.0.113.7",
  ]);
  assertEquals(blocks.list(NOW + 10).length, 2);
  assertEquals([blocks.has("client mobile", NOW), blocks.has("client mobile", NOW + 10)], [
    true,
    false,
  ]);
});

Deno.test("property: an address is blocked when it lies in a blocked range, and only then", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const v4 = () => Array.from({ length: 4 }, () => random.pick([0, 1, 127, 128, 255])).join(".");
    const groups = ["0", "1", "8000", "ffff"];
    // A block of ::/64 must not cover all IPv4 addresses, which are mapped into it.
    const v6 = () => ["2001", ...Array.from({ length: 7 }, () => random.pick(groups))].join(":");
    const texts = Array.from(
      { length: random.int(0, 8) },
      () => random.bool() ? `${v4()}/${random.int(8, 32)}` : `${v6()}/${random.int(16, 64)}`,
    );
    const blocks = new BlockList(texts.flatMap((text) => {
      const of = addressSubject(text);
      return of ? [block(of)] : [];
    }));
    const ranges = texts.flatMap((text) => {
      const range = addressSubject(text) && parseRange(text);
      return range ? [range] : [];
    });
    for (let i = 0; i < 50; i++) {
      const address = random.bool() ? v4() : v6();
      const bytes = parseAddress(address);
      const expected = bytes !== undefined && isWithin(bytes, ranges);
      assertEquals(blocks.of({ address }, NOW) !== undefined, expected, `seed ${seed}: ${address}`);
    }
  }
});
