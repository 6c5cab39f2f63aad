/** Responds with one document after a while: `slow_upstream.ts PORT MS FILE` */
const [port = "", ms = "", file = ""] = Deno.args;
const bytes = await Deno.readFile(file);
const headers = { "content-type": "application/json", "cache-control": "private" };
Deno.serve({ port: Number(port), hostname: "127.0.0.1", onListen() {} }, async () => {
  await new Promise((resolve) => setTimeout(resolve, Number(ms)));
  return new Response(bytes, { headers });
});
