import * as v from "valibot";
import { nodeCrypto } from "../core/node_crypto.ts";
import { object } from "./object.ts";
import { keySchema, readCertificate, type TlsPlace } from "./tls.ts";
import { nonEmptyText } from "./values.ts";

/** TLS of calls to an upstream. */
export const upstreamTlsSchema = object({
  /** A file of CA certificates in PEM, which are trusted besides the system's; relative to the config file. */
  ca: v.optional(nonEmptyText),
  /** A file that contains the gateway's own certificate in PEM, for upstreams that ask for one. */
  cert: v.optional(nonEmptyText),
  /** The private key of `cert`: `{ file: "./key.pem" }` or `{ env: "NAME" }`. */
  key: v.optional(keySchema),
  /** The name that the upstream's certificate must be for (SNI); not with `cert`. Default: the URL's host. */
  serverName: v.optional(nonEmptyText),
}, {
  dependentRequired: { cert: ["key"], key: ["cert"] },
  not: { required: ["cert", "serverName"] },
});

/** TLS of calls to an upstream; certificates and the key in PEM. */
export interface UpstreamTls {
  /** Trusted besides the system's. */
  readonly ca: string | undefined;
  /** The gateway's own certificate. */
  readonly own: { readonly cert: string; readonly key: string } | undefined;
  /** The name that the certificate must be for; undefined: the URL's host. */
  readonly serverName: string | undefined;
}

/** An upstream as far as it concerns TLS. */
interface ReadUpstream {
  readonly tls?: v.InferOutput<typeof upstreamTlsSchema> | undefined;
  readonly host?: string | undefined;
  readonly transport: "socket" | "fetch";
}

/** Reads an upstream's `tls`, and checks what goes together; reports every problem. */
export function readUpstreamTls(
  { tls, host, transport }: ReadUpstream,
  base: URL,
  path: readonly string[],
  place: TlsPlace,
): UpstreamTls | undefined {
  const { reader, files } = place;
  if (host !== undefined && transport === "fetch") {
    reader.report([...path, "host"], 'must not be set together with transport "fetch"');
  }
  if (tls === undefined) return undefined;
  const at = [...path, "tls"];
  const { ca, cert, key, serverName } = tls;
  if (base.protocol !== "https:") return reader.report(at, "needs an https:// URL", base.origin);
  if (serverName !== undefined && (cert !== undefined || transport === "fetch")) {
    const rule = 'must not be set together with cert or transport "fetch"';
    return reader.report([...at, "serverName"], rule, serverName);
  }
  if ((cert === undefined) !== (key === undefined)) {
    return reader.report(at, "must have both cert and key, or neither");
  }
  const trusted = ca === undefined ? undefined : files.text(ca, [...at, "ca"]);
  if (trusted !== undefined && !isCertificate(trusted)) {
    return reader.report([...at, "ca"], "must be a file of certificates in PEM", ca);
  }
  const own = cert === undefined || key === undefined
    ? undefined
    : readCertificate({ cert, key }, at, place);
  return { ca: trusted, own: own && { cert: own.cert, key: own.key }, serverName };
}

function isCertificate(text: string): boolean {
  try {
    return new (nodeCrypto().X509Certificate)(text).subject !== undefined;
  } catch {
    return false;
  }
}
