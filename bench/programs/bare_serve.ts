// What main.ts is compared with: the least that answers HTTP on Deno.
Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: "127.0.0.1",
  onListen: ({ hostname, port }) => {
    const line = `listening on http://${hostname}:${port}\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(line));
  },
}, () => Response.json({ status: "live" }));
