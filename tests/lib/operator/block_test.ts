import { assertEquals } from "@std/assert";
import { addressSubject } from "../../../lib/operator/block.ts";

for (
  const [text, subject] of [
    ["203.0.113.7", "ip 203.0.113.7"],
    ["::ffff:203.0.113.7", "ip 203.0.113.7"],
    ["203.0.113.7/24", "ip 203.0.113.0/24"],
    ["10.1.2.3/8", "ip 10.0.0.0/8"],
    ["10.1.2.3/7", undefined],
    ["0.0.0.0/0", undefined],
    ["2001:db8:1:2:3:4:5:6", "ip 2001:db8:1:2::/64"],
    ["2001:db8:1:2:3:4:5:6/128", "ip 2001:db8:1:2::/64"],
    ["2001:DB8::/32", "ip 2001:db8:0:0::/32"],
    ["2001::/16", "ip 2001:0:0:0::/16"],
    ["2000::/15", undefined],
    ["::/0", undefined],
    ["", undefined],
    ["203.0.113.7/33", undefined],
    ["203.0.113", undefined],
    ["example.org", undefined],
    ["203.0.113.7/", undefined],
  ] as const
) {
  Deno.test(`the block of "${text}" is of ${subject ?? "nothing"}`, () => {
    assertEquals(addressSubject(text), subject);
  });
}
