import { assertEquals } from "@std/assert";
import { addressKey, isWithin, parseAddress, parseRange } from "../../../lib/http/address.ts";

const ROUNDS = 2_000;

Deno.test("an address counts by itself, or by its /64", () => {
  const keys: [string, string][] = [
    ["192.0.2.1", "192.0.2.1"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["::ffff:1.2.3.4", "1.2.3.4"],
    ["::FFFF:102:304", "1.2.3.4"],
    ["0:0:0:0:0:ffff:1.2.3.4", "1.2.3.4"],
    ["::1", "0:0:0:0::/64"],
    ["::", "0:0:0:0::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["2001:DB8:0:0:1:2:3:4", "2001:db8:0:0::/64"],
    ["2001:db8:0:1::1", "2001:db8:0:1::/64"],
    ["1:2:3:4:5:6:7::", "1:2:3:4::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ["::1.2.3.4", "0:0:0:0::/64"],
    ["somebody", "somebody"],
  ];
  for (const [address, key] of keys) assertEquals(addressKey(address), key, address);
});

Deno.test("an IPv6 address counts by as many bits as are said, an IPv4 address whole", () => {
  const address = "2001:db8:1:2ff:3:4:5:6";
  const keys: [bits: number, key: string][] = [
    [32, "2001:db8:0:0::/32"],
    [56, "2001:db8:1:200::/56"],
    [64, "2001:db8:1:2ff::/64"],
    [72, "2001:db8:1:2ff:0::/72"],
    [128, "2001:db8:1:2ff:3:4:5:6/128"],
  ];
  for (const [bits, key] of keys) assertEquals(addressKey(address, bits), key);
  assertEquals(addressKey("::ffff:192.0.2.1", 32), "192.0.2.1");
});

Deno.test("what is no address is none", () => {
  const none = [
    "",
    " ",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "01.2.3.4",
    "1.2.3.04",
    "1.2.3.-4",
    "1.2.3.4 ",
    "1.2.3.4:80",
    "0x7f.0.0.1",
    "2130706433",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "12345::",
    "g::",
    "[::1]",
    "::1.2.3",
    "::1.2.3.4:5",
    "::ffff:1.2.3.256",
    "unknown",
  ];
  for (const text of none) assertEquals(parseAddress(text), undefined, `"${text}"`);
});

Deno.test("the dotted form stands at the end of an IPv6 address alone", () => {
  for (const text of ["1.2.3.4::", "1.2.3.4::1", "1:2.3.4.5::6"]) {
    assertEquals(parseAddress(text), undefined, text);
  }
});

Deno.test("every way to write an IPv6 address means the same bytes", () => {
  for (const { random, note } of seeded()) {
    const groups = Array.from({ length: 8 }, () => random() < 0.5 ? 0 : int(random, 0x10000));
    const bytes = groups.flatMap((group) => [group >> 8, group & 0xff]);
    assertEquals(parseAddress(written(groups, random)), bytes, note(groups));
  }
});

Deno.test("IPv4 is the same written alone or mapped", () => {
  for (const { random, note } of seeded()) {
    const bytes = Array.from({ length: 4 }, () => int(random, 256));
    const dotted = bytes.join(".");
    assertEquals(parseAddress(`::ffff:${dotted}`), parseAddress(dotted), note(dotted));
    assertEquals(addressKey(`::ffff:${dotted}`), dotted, note(dotted));
  }
});

Deno.test("two addresses count as one exactly when their first 64 bits are the same", () => {
  for (const { random, note } of seeded()) {
    // Not mapped: the first group is never 0.
    const one = Array.from({ length: 8 }, () => 1 + int(random, 0xffff));
    const other = [...one];
    const changed = int(random, 8);
    other[changed] = ((one[changed] ?? 0) % 0xffff) + 1;
    const isSame = addressKey(one.map(hex).join(":")) === addressKey(other.map(hex).join(":"));
    assertEquals(isSame, changed >= 4, note([one, other]));
  }
});

Deno.test("a range is an address, with how much of it counts", () => {
  const bits: [string, number | undefined][] = [
    ["10.0.0.0/8", 104],
    ["10.0.0.0/0", 96],
    ["10.0.0.0/32", 128],
    ["10.0.0.1", 128],
    ["2001:db8::/32", 32],
    ["::/0", 0],
    ["::1", 128],
    ["::ffff:10.0.0.0/104", 104],
    ["10.0.0.0/33", undefined],
    ["2001:db8::/129", undefined],
    ["10.0.0.0/", undefined],
    ["10.0.0.0/-1", undefined],
    ["10.0.0.0/8/8", undefined],
    ["10.0.0.0/ 8", undefined],
    ["10.0.0.0/8x", undefined],
    ["10.0.0/8", undefined],
    ["/8", undefined],
    ["", undefined],
    ["localhost", undefined],
  ];
  for (const [text, expected] of bits) assertEquals(parseRange(text)?.bits, expected, text);
});

Deno.test("an address lies in a range when their counting bits are the same", () => {
  for (const { random, note } of seeded()) {
    const bytes = Array.from({ length: 16 }, () => int(random, 256));
    const bits = int(random, 129);
    const flipped = int(random, 128);
    const other = bytes.map((byte, index) =>
      index === flipped >> 3 ? byte ^ (0x80 >> (flipped & 7)) : byte
    );
    assertEquals(isWithin(bytes, [{ bytes, bits }]), true, note({ bytes, bits }));
    assertEquals(isWithin(other, [{ bytes, bits }]), flipped >= bits, note({ bits, flipped }));
  }
});

Deno.test("IPv4 ranges hold IPv4 addresses however written, and no others", () => {
  const cases: [address: string, range: string, isIn: boolean][] = [
    ["10.255.255.255", "10.0.0.0/8", true],
    ["11.0.0.0", "10.0.0.0/8", false],
    ["::ffff:10.1.2.3", "10.0.0.0/8", true],
    ["10.1.2.3", "::ffff:10.0.0.0/104", true],
    ["::10.1.2.3", "10.0.0.0/8", false],
    ["2001:db8::1", "0.0.0.0/0", false],
    ["1.2.3.4", "0.0.0.0/0", true],
    ["2001:db8::1", "::/0", true],
    ["10.0.0.9", "10.0.0.1/24", true],
    ["10.0.0.9", "10.0.0.1", false],
  ];
  for (const [address, range, isIn] of cases) {
    const [bytes, parsed] = [parseAddress(address), parseRange(range)];
    assertEquals(bytes && parsed && isWithin(bytes, [parsed]), isIn, `${address} in ${range}`);
  }
  assertEquals(isWithin(parseAddress("10.0.0.1") ?? [], []), false);
});

/** The address in one of its many forms. */
function written(groups: readonly number[], random: () => number): string {
  const forms = groups.map((group) => {
    const digits = random() < 0.5 ? hex(group) : hex(group).padStart(4, "0");
    return random() < 0.5 ? digits : digits.toUpperCase();
  });
  if (random() < 0.3) {
    const [high = 0, low = 0] = groups.slice(6);
    forms.splice(6, 2, [high >> 8, high & 0xff, low >> 8, low & 0xff].join("."));
  }
  const start = int(random, 6);
  let end = start;
  while (end < 6 && groups[end] === 0) end++;
  if (end === start || random() < 0.3) return forms.join(":");
  return `${forms.slice(0, start).join(":")}::${forms.slice(end).join(":")}`;
}

function hex(group: number): string {
  return group.toString(16);
}

function int(random: () => number, below: number): number {
  return Math.floor(random() * below);
}

/** Rounds, each with random numbers of its own (mulberry32), and a note for when it fails. */
function* seeded() {
  const seed = Date.now() >>> 0;
  for (let round = 0; round < ROUNDS; round++) {
    let state = (seed + round) >>> 0;
    const random = () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    };
    yield { random, note: (what: unknown) => `seed ${seed + round}: ${JSON.stringify(what)}` };
  }
}
