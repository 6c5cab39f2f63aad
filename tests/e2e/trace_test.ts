import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { startProgram } from "../support/program.ts";
import { startUpstream } from "../support/upstream.ts";
import { askFor } from "../support/wire.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const CLIENTS = `00-${TRACE}-b7ad6b7169203331-01`;
const LINE = `traceparent: ${CLIENTS}\r\n`;
const EXPORTING_NOTHING = {
  OTEL_DENO: "true",
  OTEL_TRACES_EXPORTER: "none",
  OTEL_METRICS_EXPORTER: "none",
  OTEL_LOGS_EXPORTER: "none",
};

// Whatever the client sends, and whoever writes the header, an upstream reads one trace.
for (const env of [{}, EXPORTING_NOTHING]) {
  const isOn = env === EXPORTING_NOTHING;
  Deno.test(`trace: an upstream reads one traceparent, OpenTelemetry ${isOn ? "on" : "off"}`, async () => {
    await using upstream = startUpstream(({ headers }) =>
      Response.json(["traceparent", "tracestate", "baggage"].map((name) => headers.get(name)))
    );
    const { url } = upstream;
    await using program = await startProgram({
      env,
      config: {
        store: ":memory:",
        upstreams: { socket: { url }, fetch: { url, transport: "fetch" } },
        routes: {
          "GET /socket": { forward: "socket" },
          "GET /fetch": { forward: "fetch" },
          "GET /part": { gather: { it: { from: "socket" } } },
        },
      },
    });
    for (const path of ["/socket", "/fetch", "/part"]) {
      const sent = async (lines: string): Promise<(string | null)[]> => {
        const answer = JSON.parse((await askFor(program.port, path, lines)).body);
        return path === "/part" ? answer.data.it : answer;
      };
      const [traced, state, baggage] = await sent(`${LINE}tracestate: a=b\r\nbaggage: k=v\r\n`);
      if (isOn) assertMatch(traced ?? "", RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`), path);
      if (isOn) assertNotEquals(traced, CLIENTS); // it continues the client's, with a span of its own
      else assertEquals(traced, CLIENTS, path);
      if (path !== "/part") assertEquals([state, baggage], ["a=b", "k=v"], path);
      for (const lines of ["", LINE + LINE, "traceparent: junk\r\ntracestate: a=b\r\n"]) {
        const [begun, state] = await sent(lines);
        assertEquals(state, null);
        if (!isOn) assertEquals(begun, null, path);
        else assert(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/.test(begun ?? ""), `${path} ${begun}`);
      }
    }
  });
}
