import { showCached } from "./cached.js";
import { summaryOf } from "./summary.js";
import { records } from "./records.js";
import { showRateLimit } from "./rate_limit.js";
import { showSamples } from "./samples.js";
import { Timeline } from "./timeline.js";

const YEAR = new Date().getFullYear();
const BURST = 12;
/** The parts of the route in gateway.config.ts, and which part each waits for. */
const PARTS = { country: "", neighbours: "country", holidays: "", timeZones: "" };

const at = (id) => document.getElementById(id);
const country = at("country");
const pagePath = () => `/country/${country.value}?year=${YEAR}`;
const flagPath = () => `/flag/${country.value}`;
const NDJSON = { accept: "application/x-ndjson" };
let sent = 0;

/** Sends the request of the page, and shows its parts as they arrive. */
async function send() {
  const turn = ++sent;
  const timeline = new Timeline(at("parts"), PARTS);
  say("outcome", "");
  try {
    const response = await fetch(pagePath(), { headers: NDJSON });
    if (turn !== sent) return await response.body?.cancel();
    showRateLimit([response]);
    const hits = showCached("Time zones", response, "timeZones") ? ["timeZones"] : [];
    if (!response.ok) return refuse(timeline, await response.json());
    for await (const { part, data, problem, complete } of records(response)) {
      if (turn !== sent) break;
      if (part === undefined && problem) refuse(timeline, problem);
      else if (part === undefined) finish(timeline, complete);
      else if (problem) timeline.miss(part, describe(problem));
      else timeline.arrive(part, summaryOf(part, data), hits.includes(part));
    }
  } catch (error) {
    if (turn === sent) say("outcome", `The gateway does not respond: ${error.message}`, "bad");
  } finally {
    timeline.end();
  }
}

/** Without a required part, or without tokens, the response is a problem (RFC 9457). */
function refuse(timeline, problem) {
  for (const part of problem.problems ?? []) timeline.miss(part.part, describe(part));
  timeline.end(problem.problems ? "cancelled" : "not called");
  say("outcome", `${problem.status} ${problem.title}: ${problem.detail}`, "bad");
}

function finish(timeline, isComplete) {
  timeline.end();
  const ms = Math.round(timeline.elapsed);
  const missing = timeline.missing.join(", ");
  if (isComplete) say("outcome", `Complete, after ${ms} ms`, "ok");
  else say("outcome", `Incomplete, after ${ms} ms: without ${missing}`, "bad");
}

function describe({ title, detail }) {
  return `${title}: ${detail}`;
}

/** Sends more requests than there are tokens. */
async function burst() {
  say("tokens", `Sending ${BURST} requests at once …`);
  const responses = await Promise.all(
    Array.from({ length: BURST }, async () => {
      // Otherwise the browser sends equal requests one after the other.
      const response = await fetch(pagePath(), { cache: "no-store" });
      await response.arrayBuffer();
      return response;
    }),
  );
  showRateLimit(responses);
}

/** Lets two copies of the countries compete. */
async function race() {
  const response = await fetch(flagPath());
  const { data, title, detail } = await response.json();
  if (!response.ok) return say("winner", `${title}: ${detail}`, "bad");
  const runners = (response.headers.get("server-timing") ?? "").split(", ")
    .map((entry) => /^(\w+);dur=([\d.]+)(?:;desc="(.*)")?$/.exec(entry) ?? [])
    .map(([, name, ms, failure]) => `${name} ${failure ?? "won"} after ${Math.round(ms)} ms`);
  say("winner", `${data.flag} ${data.name}: ${runners.join(", ")}`, "ok");
}

/** Fills the chooser from the countries API, which the gateway proxies and caches. */
async function fillCountries() {
  const response = await fetch("/api/countries");
  showCached("List of countries", response);
  if (!response.ok) return;
  const all = await response.json();
  all.sort((a, b) => a.name.localeCompare(b.name));
  const chosen = country.value;
  country.replaceChildren(
    ...all.map(({ code, name, flag }) => new Option(`${flag} ${name}`, code)),
  );
  country.value = chosen;
}

function showCurl() {
  at("curl").textContent =
    `curl -N -H 'Accept: ${NDJSON.accept}' '${location.origin}${pagePath()}'`;
  at("race-curl").textContent = `curl -i '${location.origin}${flagPath()}'`;
}

function say(id, text, kind = "") {
  at(id).textContent = text;
  at(id).className = kind;
}

at("send").addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
country.addEventListener("change", () => {
  showCurl();
  send();
});
at("burst").addEventListener("click", burst);
at("run").addEventListener("click", race);

showCurl();
showSamples(at("samples"), at("heal"));
await fillCountries().catch(() => {});
await send();
