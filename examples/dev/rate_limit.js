const pips = document.getElementById("pips");
const tokens = document.getElementById("tokens");
let timer;

/** Shows what the `RateLimit` headers of responses say, and until when there is nothing left. */
export function showRateLimit(responses) {
  const left = responses.map((response) => numberOf(response, "ratelimit", "r"));
  const remaining = Math.min(...left.filter((count) => count !== undefined));
  const burst = numberOf(responses[0], "ratelimit-policy", "q");
  if (!Number.isFinite(remaining) || burst === undefined) return;
  pips.replaceChildren(...Array.from({ length: burst }, (_, index) => {
    const pip = document.createElement("span");
    if (index < remaining) pip.className = "left";
    return pip;
  }));
  const denied = responses.filter(({ status }) => status === 429);
  const counts = responses.length === 1
    ? ""
    : `${responses.length - denied.length} admitted, ${denied.length} rejected. `;
  clearInterval(timer);
  if (denied.length === 0) {
    tokens.textContent = `${counts}${remaining} of ${burst} requests left.`;
    return;
  }
  const seconds = Math.max(...denied.map(({ headers }) => Number(headers.get("retry-after"))));
  const until = Date.now() + seconds * 1_000;
  const time = new Date(until).toLocaleTimeString();
  const show = () => {
    const still = Math.ceil((until - Date.now()) / 1_000);
    if (still <= 0) clearInterval(timer);
    tokens.textContent = still > 0
      ? `${counts}None left until ${time}, in ${still} s.`
      : `${counts}Since ${time} a request is admitted again.`;
  };
  timer = setInterval(show, 1_000);
  show();
}

/** A parameter of the first member: `"perClient";r=9;t=3` has r and t. */
function numberOf({ headers }, header, parameter) {
  const found = new RegExp(`;${parameter}=(\\d+)`).exec(headers.get(header) ?? "");
  return found ? Number(found[1]) : undefined;
}
