/** The least that aggregates: Deno.serve, fetch and Promise.allSettled. `fetch_gateway.ts PORT U0 U1 U2 SLOW` */
const [port = 0, ...upstreams] = Deno.args.map(Number);
Deno.serve({ port, hostname: "127.0.0.1", onListen() {} }, async (request) => {
  const { pathname, search } = new URL(request.url);
  const [, kind, count, size, id] = pathname.split("/");
  if (kind !== "agg" && kind !== "slow") {
    return fetch(`http://127.0.0.1:${upstreams[0]}${pathname}${search}`);
  }
  const names = Array.from({ length: kind === "slow" ? 3 : Number(count) }, (_, i) => `p${i}`);
  const settled = await Promise.allSettled(names.map(async (name, i) => {
    const upstream = kind === "slow" && i === 2 ? upstreams[3] : upstreams[i % 3];
    const url = kind === "slow" ? `s1/${name}.json?id=${count}` : `s${size}/${name}.json?id=${id}`;
    const signal = AbortSignal.timeout(2_000);
    const response = await fetch(`http://127.0.0.1:${upstream}/${url}`, { signal });
    if (!response.ok) throw new Error(`status ${response.status}`);
    return await response.json();
  }));
  const data = Object.fromEntries(
    settled.map((part, i) => [names[i], part.status === "fulfilled" ? part.value : null]),
  );
  return Response.json({ data, complete: settled.every(({ status }) => status === "fulfilled") });
});
