/** An answer as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  /** The status line and the header lines. */
  readonly head: string;
  /** Everything after the head, transfer coding included. */
  readonly body: string;
}

/** Sends bytes to a port of loopback and reads until the server closes. */
export async function rawRequest(port: number, text: string): Promise<RawResponse> {
  using connection = await Deno.connect({ port, hostname: "127.0.0.1" });
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(text));
  writer.releaseLock();
  const answer = await new Response(connection.readable).text();
  const [head = "", ...rest] = answer.split("\r\n\r\n");
  return { status: Number(head.split(" ")[1]), head, body: rest.join("\r\n\r\n") };
}

/** A request that fetch would tidy up: the target goes out as it is. */
export function rawGet(port: number, target: string, headers = ""): Promise<RawResponse> {
  return rawRequest(
    port,
    `GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n${headers}\r\n`,
  );
}
