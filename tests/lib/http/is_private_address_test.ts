import { assertEquals } from "@std/assert";
import { isPrivateAddress } from "../../../lib/http/is_private_address.ts";

const PRIVATE = [
  "127.0.0.1",
  "127.255.255.255",
  "0.0.0.0",
  "10.1.2.3",
  "100.64.0.1",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.168.0.1",
  "198.18.0.1",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:127.0.0.1",
  "::ffff:7f00:1",
  "::ffff:a9fe:a9fe",
  "::127.0.0.1",
  "64:ff9b::10.0.0.1",
  "64:ff9b::a9fe:a9fe",
  "2002:7f00:1::",
  "2002:c0a8:101::1",
  "fc00::1",
  "fd12:3456::1",
  "fe80::1",
  "fe80::1%eth0",
  "fec0::1",
  "ff02::1",
  "2001:db8::1",
  // What cannot be read is not let through.
  "",
  "localhost",
  "0x7f.1",
  "017700000001",
];
const PUBLIC = [
  "1.1.1.1",
  "8.8.8.8",
  "100.63.255.255",
  "100.128.0.1",
  "172.15.255.255",
  "172.32.0.1",
  "192.169.0.1",
  "198.20.0.1",
  "223.255.255.255",
  "2606:4700:4700::1111",
  "::ffff:8.8.8.8",
  "64:ff9b::8.8.8.8",
  "2002:808:808::1",
];

Deno.test("addresses that are not on the public Internet are private, in any notation", () => {
  assertEquals(PRIVATE.filter((address) => !isPrivateAddress(address)), []);
});

Deno.test("all other addresses are not", () => {
  assertEquals(PUBLIC.filter(isPrivateAddress), []);
});
