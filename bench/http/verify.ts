import { isRecord } from "../../lib/core/is_record.ts";
import type { Workload } from "./workloads.ts";

/**
 * Sends one request of a workload and looks at its response: a fast wrong response is no result.
 * @throws {Error} for another status, a part that is missing, or a body of another size
 */
export async function verify(port: number, { name, path, status }: Workload): Promise<void> {
  const [before, after] = path;
  const url = `http://127.0.0.1:${port}${before}7${after}`;
  const headers = { "x-client": "verify" };
  let response = await fetch(url, { headers });
  let text = await response.text();
  if (status === "429") { // the first request is within the limit
    response = await fetch(url, { headers });
    text = await response.text();
  }
  const expected = status === "429" ? 429 : 200;
  if (response.status !== expected) throw new Error(`${name}: responded ${response.status}`);
  if (expected === 200) checkBody(name, before, text);
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
