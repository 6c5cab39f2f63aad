import { Envelope } from "../lib/gather/envelope.ts";
import { kilobyteOfJson } from "./parts.ts";

/** Writing an aggregate's response, compared with parsing and serializing the parts again. */
for (const count of [3, 10, 50]) {
  const group = `${count} parts of 1 KB`;
  const names = Array.from({ length: count }, (_, index) => `part${index}`);
  const bytes = names.map(kilobyteOfJson);
  const envelope = new Envelope(names);
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();

  Deno.bench({ name: `envelope, ${count} parts`, group, baseline: true }, () => {
    envelope.write(bytes, { isComplete: true, problems: [] });
  });

  Deno.bench({ name: `parse and stringify, ${count} parts`, group }, () => {
    const data = Object.fromEntries(
      names.map((name, index) => [name, JSON.parse(decoder.decode(bytes[index]))]),
    );
    encoder.encode(JSON.stringify({ data, complete: true }));
  });
}
