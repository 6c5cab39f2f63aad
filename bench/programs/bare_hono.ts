// What main.ts is compared with: the least that answers HTTP with Hono.
import { Hono } from "hono";

const app = new Hono().get("/_gateway/health/live", (c) => c.json({ status: "live" }));

Deno.serve({
  port: Number(Deno.env.get("PORT")),
  hostname: "127.0.0.1",
  onListen: ({ hostname, port }) => {
    const line = `listening on http://${hostname}:${port}\n`;
    Deno.stdout.writeSync(new TextEncoder().encode(line));
  },
}, app.fetch);
