import { isRecord } from "../../lib/core/is_record.ts";
import type { Workload } from "./workloads.ts";

/**
 * Sends one request of a workload and looks at its response: a fast wrong response is no result.
 * @throws {Error} for another status, a part that is missing, or a body of another size
 */
export async function verify(
  port: number,
  { name, path, status, headers: sent }: Workload,
): Promise<void> {
  const [before, after] = path;
  const url = `http://127.0.0.1:${port}${before}0${after.replace("{n}", "0")}`;
  const headers = { ...sent, "x-client": "verify" };
  let response = await fetch(url, { headers });
  let text = await response.text();
  if (status === "429") { // the first request is within the limit
    response = await fetch(url, { headers });
    text = await response.text();
  }
  const expected = status === "2xx" ? 200 : Number(status);
  if (response.status !== expected) throw new Error(`${name}: responded ${response.status}`);
  if (expected === 200) checkBody(name, before, text);
  if (sent?.["accept-encoding"] === "gzip" && !await isGzipped(url)) {
    throw new Error(`${name}: the response is not compressed`);
  }
}

/** Asks on a connection of its own, because `fetch` decodes and does not tell. */
async function isGzipped(url: string): Promise<boolean> {
  const { hostname, port, pathname, search } = new URL(url);
  using connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(
    new TextEncoder().encode(
      `GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\n` +
        "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n",
    ),
  );
  const response = await new Response(connection.readable).bytes();
  const [head = ""] = new TextDecoder().decode(response).split("\r\n\r\n");
  return /^content-encoding: gzip\r?$/im.test(head);
}

function checkBody(name: string, before: string, text: string): void {
  const [, kind, first = "", second = ""] = before.split("/");
  const isAggregate = kind === "agg" || kind === "slow";
  const kilobytes = Number(kind === "agg" ? second : /^s(\d+)$/.exec(kind ?? "")?.[1] ?? 1);
  const body: unknown = JSON.parse(text);
  if (!isAggregate) {
    if (text.length !== kilobytes * 1024) throw new Error(`${name}: ${text.length} bytes`);
    return;
  }
  const count = kind === "slow" ? 3 : Number(first);
  const data = isRecord(body) && isRecord(body.data) ? body.data : body;
  for (let index = 0; index < count; index++) {
    const part = isRecord(data) ? data[`p${index}`] : undefined;
    if (isRecord(part) && part.name === `p${index}` && Array.isArray(part.items)) continue;
    throw new Error(`${name}: part p${index} is not there: ${text.slice(0, 200)}`);
  }
}
