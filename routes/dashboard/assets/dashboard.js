// Keeps the page up to date, draws charts, and sends the operator's changes.

const view = document.getElementById("view");
const message = document.getElementById("message");
const live = document.getElementById("live");
const liveText = document.getElementById("live-text");
const pause = document.getElementById("pause");

/** How long a stream may be away before the page says so (ms): streams are renewed now and then. */
const AWAY_MS = 4_000;
const MESSAGE_MS = 8_000;

let isPaused = false;
let away;
let charts;

function say(text) {
  message.textContent = text;
  message.classList.add("shown");
  clearTimeout(say.timer);
  say.timer = setTimeout(() => message.classList.remove("shown"), MESSAGE_MS);
}

function show(state, text) {
  live.dataset.state = state;
  liveText.textContent = text;
}

async function follow() {
  const { default: morphdom } = await import("./morphdom.js");
  live.hidden = false;
  let source;
  const update = ({ data }) => {
    if (isPaused) return;
    const next = view.cloneNode(false);
    next.innerHTML = JSON.parse(data);
    morphdom(view, next, {
      childrenOnly: true,
      // A chart is drawn here, from the values in its attributes.
      onBeforeElUpdated(from, to) {
        if (from.matches("[data-chart]")) {
          from.dataset.values = to.dataset.values;
          return false;
        }
        return !from.isEqualNode(to);
      },
    });
    charts?.();
  };
  const open = () => {
    source = new EventSource(view.dataset.live);
    source.onmessage = update;
    source.onopen = () => {
      clearTimeout(away);
      away = undefined;
      if (!isPaused) show("on", "Live");
    };
    source.onerror = () => {
      away ??= setTimeout(() => show("off", "Connection lost, trying again"), AWAY_MS);
      if (source.readyState !== EventSource.CLOSED) return;
      setTimeout(reopen, AWAY_MS);
    };
  };
  // The stream was refused: the session may have ended, which a new page shows.
  const reopen = async () => {
    const answer = await fetch(location.href, { redirect: "manual" }).catch(() => undefined);
    if (answer?.type === "opaqueredirect" || answer?.status === 401) return location.reload();
    open();
  };
  const close = () => {
    clearTimeout(away);
    away = undefined;
    source?.close();
  };
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Resume" : "Pause";
    show(isPaused ? "paused" : "on", isPaused ? "Paused" : "Live");
    if (isPaused) close();
    else open();
  });
  // A page that nobody sees costs nothing.
  document.addEventListener("visibilitychange", () => {
    if (isPaused) return;
    close();
    if (!document.hidden) open();
  });
  addEventListener("pagehide", close);
  if (!document.hidden) open();
}

async function drawCharts() {
  if (!document.querySelector("[data-chart]")) return;
  const style = document.createElement("link");
  style.rel = "stylesheet";
  style.href = new URL("./uplot.css", import.meta.url).href;
  document.head.append(style);
  const { default: UPlot } = await import("./uplot.js");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const drawn = new Map();

  const draw = (element) => {
    const css = getComputedStyle(document.documentElement);
    const colour = (name) => css.getPropertyValue(name).trim();
    const unit = element.dataset.unit.replace(/^(?=\w)/, " ");
    const names = element.dataset.series.split(";");
    const value = (_, shown) => shown == null ? "–" : `${shown}${unit}`;
    const hour = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    const axis = {
      stroke: colour("--muted"),
      grid: { stroke: colour("--line"), width: 1 },
      ticks: { show: false },
    };
    element.replaceChildren();
    const chart = new UPlot(
      {
        width: element.clientWidth,
        height: 200,
        scales: { y: { range: (_, __, max) => [0, Math.max(1, (max ?? 0) * 1.1)] } },
        legend: { live: true },
        cursor: { points: { size: 6 } },
        axes: [{
          ...axis,
          values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toLocaleTimeString([], hour)),
        }, {
          ...axis,
          size: 64,
          values: (_, ticks) => ticks.map((tick) => `${tick}${unit}`),
        }],
        series: [
          {
            label: "Time",
            value: (_, at) =>
              at == null
                ? "–"
                : new Date(at * 1000).toLocaleTimeString([], { ...hour, second: "2-digit" }),
          },
          ...names.map((label, index) => ({
            label,
            value,
            stroke: colour(`--series-${index + 1}`),
            width: 1.5,
            spanGaps: false,
            points: { size: 4 },
          })),
        ],
      },
      dataOf(element),
      element,
    );
    drawn.set(element, chart);
  };
  const dataOf = (element) => {
    const values = element.dataset.values.split(";")
      .map((list) => list.split(",").map((value) => value === "" ? null : Number(value)));
    const end = Math.floor(Date.now() / 1000);
    const count = values[0].length;
    return [Array.from({ length: count }, (_, index) => end - count + index), ...values];
  };
  const all = () => document.querySelectorAll("[data-chart]");
  charts = () => {
    for (const element of all()) drawn.get(element)?.setData(dataOf(element));
  };
  const redraw = () => {
    for (const element of all()) {
      drawn.get(element)?.destroy();
      draw(element);
    }
  };
  redraw();
  dark.addEventListener("change", redraw);
  new ResizeObserver(() => {
    for (const [element, chart] of drawn) {
      if (element.clientWidth !== chart.width) {
        chart.setSize({ width: element.clientWidth, height: 200 });
      }
    }
  }).observe(document.getElementById("content"));
}

/** Sends a change to the operator API. */
async function change(method, action) {
  try {
    const response = await fetch(action, { method, headers: { "x-gateway-operator": "1" } });
    const answer = await response.json().catch(() => ({}));
    if (response.status === 401) return location.reload();
    say(response.ok ? "Done." : answer.detail ?? `It failed, with status ${response.status}.`);
  } catch {
    say("The gateway does not respond.");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-action]");
  if (!button) return;
  const { method, action, confirm: question } = button.dataset;
  if (question && !confirm(question)) return;
  change(method, action);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  const { method, action } = form.dataset;
  if (!action) return;
  event.preventDefault();
  // A select may say which parameter a field is: an address or a client, a URL or a tag.
  const naming = form.querySelector("[data-names]");
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (name === naming?.name || value === "") continue;
    query.set(name === naming?.dataset.names ? naming.value : name, value);
  }
  change(method, `${action}?${query}`);
});

if (view) {
  drawCharts();
  follow();
}
