/** How much is asked at once. */
const CONNECTIONS = 16;

const ENCODER = new TextEncoder();

/** How many requests a second a server answers: GET of one path, over connections that stay open. */
export async function load(port: number, path: string, ms: number): Promise<number> {
  const request = ENCODER.encode(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  const begun = performance.now();
  const end = begun + ms;
  const counts = await Promise.all(
    Array.from({ length: CONNECTIONS }, () => ask(port, request, end)),
  );
  const seconds = (performance.now() - begun) / 1000;
  return counts.reduce((sum, count) => sum + count, 0) / seconds;
}

/** One connection: a request, its whole answer, the next one. How many were answered. */
async function ask(port: number, request: Uint8Array, end: number): Promise<number> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const buffer = new Uint8Array(16_384);
  let count = 0;
  let answerBytes = Infinity;
  while (performance.now() < end) {
    await connection.write(request);
    let read = 0;
    while (read < answerBytes) {
      const more = await connection.read(buffer.subarray(read));
      if (more === null) throw new Error("the server closed the connection");
      read += more;
      if (answerBytes === Infinity) answerBytes = lengthOf(buffer.subarray(0, read));
    }
    answerBytes = Infinity;
    count++;
  }
  return count;
}

/** How long an answer is, head and body; Infinity while its head is not here. */
function lengthOf(bytes: Uint8Array): number {
  const text = new TextDecoder("latin1").decode(bytes);
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return Infinity;
  if (!text.startsWith("HTTP/1.1 200")) throw new Error(`it answered ${text.slice(0, headEnd)}`);
  const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
  if (length === undefined) throw new Error("an answer says no length");
  return headEnd + 4 + Number(length);
}
