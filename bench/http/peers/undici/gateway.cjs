/** The same aggregates on Node's HTTP server and undici's pools: `gateway.cjs PORT U0 U1 U2 SLOW` */
const http = require("node:http");
const process = require("node:process");
const { Pool } = require("undici");

const [port, ...upstreams] = process.argv.slice(2).map(Number);
const pools = upstreams.map((upstream) =>
  new Pool(`http://127.0.0.1:${upstream}`, { connections: 256, pipelining: 1 })
);
const timeouts = { headersTimeout: 2_000, bodyTimeout: 2_000 };

async function part(pool, path) {
  const { statusCode, body } = await pool.request({ path, method: "GET", ...timeouts });
  if (statusCode === 200) return await body.json();
  await body.dump();
  throw new Error(`status ${statusCode}`);
}

async function forward(path, response) {
  const { statusCode, headers, body } = await pools[0].request({
    path,
    method: "GET",
    ...timeouts,
  });
  response.writeHead(statusCode, headers);
  body.pipe(response);
}

http.createServer(async (request, response) => {
  const [, kind, count, size, id] = request.url.split("/");
  if (kind !== "agg" && kind !== "slow") return forward(request.url, response);
  const names = Array.from({ length: kind === "slow" ? 3 : Number(count) }, (_, i) => `p${i}`);
  const settled = await Promise.allSettled(
    names.map((name, i) =>
      kind === "slow"
        ? part(pools[i === 2 ? 3 : i], `/s1/${name}.json?id=${count}`)
        : part(pools[i % 3], `/s${size}/${name}.json?id=${id}`)
    ),
  );
  const data = Object.fromEntries(
    settled.map(({ status, value }, i) => [names[i], status === "fulfilled" ? value : null]),
  );
  const complete = settled.every(({ status }) => status === "fulfilled");
  const text = JSON.stringify({ data, complete });
  response.writeHead(200, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
  });
  response.end(text);
}).listen(port, "127.0.0.1");
