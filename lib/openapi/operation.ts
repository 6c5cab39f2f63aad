import { passesCredentials } from "../config/client_credentials.ts";
import type { Settings } from "../config/gateway.ts";
import { formatRate } from "../config/rates.ts";
import type { BatchSettings, ForwardSettings, GatherSettings } from "../config/route.ts";
import { ANY_QUERY, clientInputs } from "./client_inputs.ts";
import { batchRequest, batchResponse } from "./batch.ts";
import { type DocObject, type OperationMethod, ref } from "./document.ts";
import { envelopeSchema } from "./envelope.ts";
import { anyHeaders } from "./headers.ts";
import { pathParameters, type PlacedOperation } from "./path_items.ts";
import { DENIALS, passedOnResponse, REFUSALS } from "./problems.ts";
import { securityOf } from "./security.ts";

/** What an operation says besides its path, its name and its limits. */
interface OperationFacts {
  readonly parameters: readonly DocObject[];
  readonly requestBody?: DocObject;
  readonly passesAuthorization: boolean;
  /** The successful responses by status. */
  readonly responses: DocObject;
  /** Statuses of problem documents, besides those of every route. */
  readonly problems: readonly number[];
  readonly problem: (status: number) => DocObject;
  /** Any other response. */
  readonly others: DocObject;
}

/** Problems of every route: of a client that is blocked, too. */
const ANY_PROBLEMS = [429];
const GATEWAY_PROBLEMS = [400, 500, 502, 503, 504];
const BODY_PROBLEMS = [408, 413];

/** Returns an operation of the document. */
export function operationOf(
  placed: PlacedOperation,
  operationId: string,
  settings: Settings,
): DocObject {
  const { route } = placed;
  const facts = factsOf(placed);
  const { clients } = settings;
  const security = securityOf(route.auth, clients, facts.passesAuthorization);
  const problems = [
    ...facts.problems,
    ...ANY_PROBLEMS,
    ...clients?.required ? [401] : [],
    ...route.auth.length > 0 ? [401, 403, 503] : [],
    ...route.require ? [403] : [],
  ];
  const description = describe(placed);
  return {
    operationId,
    summary: route.key,
    ...(description !== "" && { description }),
    parameters: [...pathParameters(placed), ...facts.parameters],
    ...(facts.requestBody && { requestBody: facts.requestBody }),
    ...(security.length > 0 && { security }),
    responses: {
      ...facts.responses,
      ...Object.fromEntries(
        [...new Set(problems)].sort().map((status) => [status, facts.problem(status)]),
      ),
      default: facts.others,
    },
  };
}

function factsOf({ route, method }: PlacedOperation): OperationFacts {
  if ("parts" in route) return gatherFacts(route, method);
  return "to" in route ? forwardFacts(route, method) : batchFacts(route);
}

/** Whether the response is not the envelope: the config says its form by example alone. */
function hasOwnForm({ form }: GatherSettings): boolean {
  return form?.answer !== undefined || form?.merge !== undefined;
}

function gatherFacts(route: GatherSettings, method: OperationMethod): OperationFacts {
  const { parameters, body, passesAuthorization } = clientInputs(route);
  const isCached = route.cache !== undefined && method === "get";
  const caches = isCached || route.parts.some(({ cache }) => cache);
  const passesOn = route.parts.some(passesCredentials);
  return {
    parameters: [ref("parameters", "Prefer"), ...parameters],
    ...(body && {
      requestBody: {
        required: body.isRequired,
        content: { "application/json": { schema: body.schema() } },
      },
    }),
    passesAuthorization,
    responses: {
      200: {
        description: "The parts in one document, or as records while they arrive.",
        headers: {
          ...anyHeaders(route),
          "Gateway-Complete": ref("headers", "GatewayComplete"),
          "Server-Timing": ref("headers", "ServerTiming"),
          "Proxy-Status": ref("headers", "ProxyStatus"),
          "Preference-Applied": ref("headers", "PreferenceApplied"),
          ...(caches && { "Cache-Status": ref("headers", "CacheStatus") }),
          ...(isCached && { ETag: ref("headers", "ETag") }),
        },
        content: {
          "application/json": { schema: hasOwnForm(route) ? {} : envelopeSchema(route) },
          "application/x-ndjson": { schema: ref("schemas", "Record") },
          "text/event-stream": { schema: ref("schemas", "Events") },
        },
      },
      ...(isCached && {
        304: {
          description: "The response is the one that If-None-Match names.",
          headers: { ...anyHeaders(route), ETag: ref("headers", "ETag") },
        },
      }),
    },
    problems: [
      ...GATEWAY_PROBLEMS,
      ...REFUSALS,
      ...passesOn ? DENIALS : [],
      ...body ? BODY_PROBLEMS : [],
    ],
    problem,
    others: ref("responses", "Problem"),
  };
}

function forwardFacts(route: ForwardSettings, method: OperationMethod): OperationFacts {
  const mayHaveBody = method !== "get";
  return {
    parameters: [ANY_QUERY],
    ...(mayHaveBody && { requestBody: { required: false, content: { "*/*": {} } } }),
    passesAuthorization: false,
    responses: {
      "2XX": {
        description: "The upstream's response.",
        headers: anyHeaders(route),
        content: { "*/*": {} },
      },
    },
    problems: [],
    problem: passedOnResponse,
    others: passedOnResponse(),
  };
}

function batchFacts(route: BatchSettings): OperationFacts {
  return {
    parameters: [],
    requestBody: {
      required: true,
      content: { "application/json": { schema: batchRequest(route.max) } },
    },
    passesAuthorization: false,
    responses: { 200: batchResponse(route) },
    problems: [...GATEWAY_PROBLEMS, ...BODY_PROBLEMS],
    problem,
    others: ref("responses", "Problem"),
  };
}

function problem(status: number): DocObject {
  return ref("responses", `Problem${status}`);
}

function describe({ route: { limits, cost }, longer }: PlacedOperation): string {
  const limited = limits.map(({ name, allowance: { shape: { perMs, perToken, capacity } } }) =>
    `${name} (${formatRate({ tokens: perMs, periodMs: perToken })}, burst ${capacity / perToken})`
  );
  return [
    ...limited.length > 0 ? [`Takes ${cost} of ${limited.join(" and of ")}.`] : [],
    ...longer.length > 0 ? [`Longer paths go to \`${longer.join("`, `")}\`.`] : [],
  ].join(" ");
}
