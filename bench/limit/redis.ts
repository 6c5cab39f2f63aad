import { createClient } from "@redis/client";

/** A token bucket in Redis: one script call for a decision, as gateways on Redis do it. */
export interface RedisBucket extends AsyncDisposable {
  take(key: string): Promise<boolean>;
}

const RATE_PER_MS = 1_000;
const BURST = 1_000_000;

const SCRIPT = `
local now = redis.call('TIME')
local ms = now[1] * 1000 + math.floor(now[2] / 1000)
local state = redis.call('HMGET', KEYS[1], 'units', 'at')
local units = tonumber(state[1]) or ${BURST}
local at = tonumber(state[2]) or ms
units = math.min(${BURST}, units + (ms - at) * ${RATE_PER_MS})
local admitted = 0
if units >= 1 then
  units = units - 1
  admitted = 1
end
redis.call('HSET', KEYS[1], 'units', units, 'at', ms)
redis.call('PEXPIRE', KEYS[1], 60000)
return admitted
`;

/** Starts Debian's redis-server on a port of its own; undefined where it is not installed. */
export async function startRedis(): Promise<RedisBucket | undefined> {
  const port = freePort();
  let server: Deno.ChildProcess;
  try {
    server = new Deno.Command("redis-server", {
      args: ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
      stdout: "null",
      stderr: "null",
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
  const client = createClient({ socket: { host: "127.0.0.1", port } });
  client.on("error", () => {}); // it is still starting; connect() tries again
  await client.connect();
  const sha = await client.scriptLoad(SCRIPT);
  return {
    take: async (key) => await client.evalSha(sha, { keys: [key] }) === 1,
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.kill();
      await server.status;
    },
  };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
