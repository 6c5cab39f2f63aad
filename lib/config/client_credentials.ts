import { isClients, type TemplateName } from "../template/reference.ts";
import { templateNames, type Templates } from "./template_names.ts";

/** Headers that contain a client's credentials. */
const CREDENTIALS: ReadonlySet<string> = new Set(["authorization", "cookie"]);

/**
 * Whether a part passes on the client's credentials, so that an upstream's 401 or 403 concerns the
 * client: a template reads its Authorization or Cookie, or fills one of these headers with anything
 * that the client sends.
 */
export function passesCredentials(part: Templates): boolean {
  return templateNames(part).some(isCredential) ||
    Object.entries(part.headers).some(([name, { names }]) =>
      CREDENTIALS.has(name.toLowerCase()) && names.some(({ reference }) => isClients(reference))
    );
}

function isCredential({ reference }: TemplateName): boolean {
  return reference.from === "header" && CREDENTIALS.has(reference.name.toLowerCase());
}
