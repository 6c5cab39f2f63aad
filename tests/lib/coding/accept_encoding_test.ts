import { assertEquals } from "@std/assert";
import { acceptedCoding } from "../../../lib/coding/accept_encoding.ts";
import { CODINGS } from "../../../lib/coding/codings.ts";
import { property } from "../../support/random.ts";

/** What RFC 9110 section 12.5.3 makes of each value. */
const TABLE: readonly (readonly [header: string | null, coding?: string, mustBeCoded?: boolean])[] =
  [
    [null],
    [""],
    ["identity"],
    ["gzip", "gzip"],
    ["GZIP", "gzip"],
    ["x-gzip", "gzip"],
    ["br", "br"],
    ["zstd", "zstd"],
    ["deflate"],
    ["compress, deflate"],
    ["gzip, deflate, br, zstd", "zstd"],
    ["gzip, deflate, br", "gzip"],
    ["br;q=1.0, gzip;q=0.8, *;q=0.1", "br"],
    ["gzip;q=0.8, br;q=0.9", "br"],
    ["gzip;q=0.5", "gzip"],
    ["gzip ; q=0.5 ,br;Q=0.6", "br"],
    ["gzip;q=0"],
    ["gzip;q=0, br", "br"],
    ["gzip;q=0.000, *"],
    ["*", "gzip"],
    ["*;q=0"],
    ["*;q=0, gzip", "gzip", true],
    ["identity;q=0, gzip;q=0.1", "gzip", true],
    ["identity;q=0"],
    ["identity;q=0, *", "gzip", true],
    ["identity, gzip", "gzip"],
    ["identity;q=0.5, gzip;q=0.5", "gzip"],
    ["identity;q=1, gzip;q=0.5"],
    ["identity;q=0.6, gzip;q=0.5, br;q=0.7", "br"],
    ["gzip;q=2"],
    ["gzip;q=0.1234"],
    ["gzip;q=-1"],
    ["gzip;q="],
    ["gzip;level=1"],
    ["gzip;q=0.5;x=1"],
    ["gzip br"],
    [",, gzip,", "gzip"],
  ];

for (const [header, coding, mustBeCoded = false] of TABLE) {
  Deno.test(`accept-encoding: ${JSON.stringify(header)} is ${coding ?? "no coding"}`, () => {
    assertEquals(acceptedCoding(header), { coding, mustBeCoded });
  });
}

property("accept-encoding: the coding has the highest weight, and never 0", 500, (random) => {
  const weights = new Map<string, number>();
  for (const name of [...CODINGS, "identity", "deflate"]) {
    if (random.bool()) weights.set(name, random.int(0, 4) / 4);
  }
  const members = random.shuffle([...weights].map(([name, q]) => `${name};q=${q}`)).join(", ");
  const { coding } = acceptedCoding(members);
  const best = Math.max(0, ...CODINGS.map((name) => weights.get(name) ?? 0));
  const isCoded = best > 0 && best >= (weights.get("identity") ?? 0);
  assertEquals(coding && weights.get(coding), isCoded ? best : undefined, members);
});
