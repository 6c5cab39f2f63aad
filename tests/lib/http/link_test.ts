import { assertEquals } from "@std/assert";
import { hasRelation, parseLinks } from "../../../lib/http/link.ts";
import { property } from "../../support/random.ts";

const nextOf = (header: string) =>
  parseLinks(header)?.find((link) => hasRelation(link, "next"))?.target;

const NEXT: readonly (readonly [header: string, next: string | undefined])[] = [
  ['</a>; rel="next"', "/a"],
  ["</a>;rel=next", "/a"],
  ["  </a>  ;  rel = next  ", "/a"],
  ["</a>; REL=NEXT", "/a"],
  ['</p>; rel="prev", </n>; rel="next", </l>; rel="last"', "/n"],
  ['</n>; rel="prefetch next"', "/n"],
  ['</n>; rel="prefetch\tnext"', "/n"],
  ['</p>; title="a, <b>; rel=next"; rel=prev, </n>; rel=next', "/n"],
  ['</p>; title="\\"; rel=next, \\\\"; rel=prev, </n>; rel=next', "/n"],
  ['</a?x=1,2;y="3">; rel="next"', '/a?x=1,2;y="3"'],
  ["</style>; rel=preload; crossorigin, </n>; rel=next", "/n"],
  ["</n>; rel=next; title*=broken", "/n"],
  ["</n>; rel=next;", "/n"],
  ["</n>; ; rel=next", "/n"],
  [", ,</n>; rel=next,,", "/n"],
  ["</a>; rel=next, </b>; rel=next", "/a"],
  ["<>; rel=next", ""],
  ["</a>; rel=prev; rel=next", undefined],
  ['</a>; rel=next; anchor="/other"', undefined],
  ['</a>; rel="nextest next-page"', undefined],
  ["</a>", undefined],
  ["", undefined],
  [" , ", undefined],
];
for (const [header, next] of NEXT) {
  Deno.test(`the next of ${JSON.stringify(header)} is ${next}`, () => {
    assertEquals(nextOf(header), next);
  });
}

const BROKEN = [
  "/a; rel=next",
  "</a; rel=next",
  "</a> rel=next",
  '</a>; rel="next',
  '</a>; rel="next\\"',
  "</a>; rel=next x",
  "</a>; rel=next, y",
  '</a>; rel="next"x',
  "</a>; rel=next </b>; rel=next",
  "</a>; =next",
  "<</a>>; rel=next",
  "{}",
];
for (const header of BROKEN) {
  Deno.test(`${JSON.stringify(header)} is no Link header`, () => {
    assertEquals(parseLinks(header), undefined);
  });
}

property("what was written as links is read as the same links", 300, (random) => {
  const texts = ['"', "\\", ",", ";", "<", ">", " ", "next", "a", "=", "é"];
  const links = random.list(0, 3, () => ({
    target: random.text(texts, 6).replaceAll(/[<>]/g, ""),
    title: random.text(texts, 6),
  }));
  const header = links.map(({ target, title }) =>
    `<${target}>; rel=x; title="${title.replaceAll(/["\\]/g, "\\$&")}"`
  ).join(", ");
  const read = parseLinks(header)?.map(({ target, params }) => ({
    target,
    title: params.get("title"),
  }));
  assertEquals(read, links);
});
