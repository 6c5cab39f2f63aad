import * as v from "valibot";
import { nodeCrypto } from "../core/node_crypto.ts";
import type { NamedFiles } from "./named_files.ts";
import { object } from "./object.ts";
import type { Reader } from "./reader.ts";
import { type Environment, nonEmptyText, unset } from "./values.ts";

/** A private key, which no error, log line or `--check` shows. */
export const keySchema = object({
  /** A file that contains the key in PEM, relative to the config file. */
  file: v.optional(nonEmptyText),
  /** The environment variable that contains the key in PEM. */
  env: v.optional(nonEmptyText),
}, { oneOf: [{ required: ["file"] }, { required: ["env"] }] });

/** The gateway's certificate. */
export const tlsSchema = object({
  /** A file that contains the certificate in PEM, then those of its issuers; relative to the config file. */
  cert: nonEmptyText,
  /** The certificate's private key: `{ file: "./key.pem" }` or `{ env: "NAME" }`. */
  key: keySchema,
});

/** A certificate and its private key, both in PEM. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** When it expires (wall clock, ms since 1970). */
  readonly expiresAt: number;
}

/** What reading files and keys needs. */
export interface TlsPlace {
  readonly env: Environment;
  readonly reader: Reader;
  readonly files: NamedFiles;
}

/** Reads a certificate and its key; undefined, with every problem reported, if they are invalid. */
export function readCertificate(
  { cert: file, key: from }: v.InferOutput<typeof tlsSchema>,
  path: readonly string[],
  place: TlsPlace,
): Certificate | undefined {
  const { reader, files } = place;
  const cert = files.text(file, [...path, "cert"]);
  const key = readKey(from, [...path, "key"], place);
  if (cert === undefined || key === undefined) return undefined;
  const { X509Certificate, createPrivateKey } = nodeCrypto();
  const parsed = attempt(() => new X509Certificate(cert));
  if (!parsed) {
    return reader.report([...path, "cert"], "must be the file of a certificate in PEM", file);
  }
  const privateKey = attempt(() => createPrivateKey(key));
  if (!privateKey) {
    return reader.report([...path, "key"], "must be a private key in PEM, without a passphrase");
  }
  if (!attempt(() => parsed.checkPrivateKey(privateKey))) {
    return reader.report([...path, "key"], `must be the key of the certificate ${file}`);
  }
  return { cert, key, expiresAt: Date.parse(parsed.validTo) };
}

function readKey(
  { file, env: name }: v.InferOutput<typeof keySchema>,
  path: readonly string[],
  { env, reader, files }: TlsPlace,
): string | undefined {
  if (file !== undefined && name === undefined) return files.text(file, [...path, "file"]);
  if (name === undefined || file !== undefined) {
    return reader.report(path, 'must be { file: "./key.pem" } or { env: "NAME" }');
  }
  return env(name) ?? reader.report([...path, "env"], unset(name));
}

/** Returns what `parse` returns; undefined where it throws. Its message could quote a key. */
function attempt<Parsed>(parse: () => Parsed): Parsed | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}
