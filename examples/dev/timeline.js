/** The least that the whole width stands for (ms). */
const LEAST_MS = 600;

/** The parts of a response, each with a bar from when its call began to when its data arrived. */
export class Timeline {
  #list;
  #rows = new Map();
  #began = performance.now();
  #ended;

  /** @param parts for each part, which part it waits for; "" for none */
  constructor(list, parts) {
    this.#list = list;
    list.replaceChildren();
    for (const [part, after] of Object.entries(parts)) this.#add(part, after);
    this.#draw();
  }

  /** How long the response has taken (ms). */
  get elapsed() {
    return (this.#ended ?? performance.now()) - this.#began;
  }

  /** The parts that failed. */
  get missing() {
    return [...this.#rows].filter(([, { state }]) => state === "missing").map(([part]) => part);
  }

  /** A part has arrived. @param isHit whether from the cache */
  arrive(part, text, isHit) {
    this.#settle(part, "arrived", text + (isHit ? " (from the cache)" : ""));
    this.#rows.get(part).item.classList.toggle("hit", isHit);
  }

  /** A part has failed. */
  miss(part, text) {
    this.#settle(part, "missing", text);
  }

  /** The response has ended. @param why why parts that have not arrived never will */
  end(why = "") {
    if (this.#ended !== undefined) return;
    this.#ended = performance.now();
    for (const { state, item, data } of this.#rows.values()) {
      if (state !== "waiting") continue;
      item.className = "none";
      data.textContent = why;
    }
    this.#layOut();
  }

  #settle(part, state, text) {
    const row = this.#rows.get(part) ?? this.#add(part, "");
    row.state = state;
    row.at = this.elapsed;
    row.item.className = state;
    row.data.textContent = text;
    this.#layOut();
  }

  #add(part, after) {
    const item = document.createElement("li");
    const [name, track, ms, data] = ["name", "track", "ms", "data"].map((kind) => {
      const element = document.createElement("span");
      element.className = kind;
      return element;
    });
    name.textContent = part;
    const bar = document.createElement("span");
    bar.className = "bar";
    track.append(bar);
    item.append(name, track, ms, data);
    item.dataset.part = part;
    this.#list.append(item);
    const row = { item, bar, ms, data, after, state: "waiting", at: undefined };
    this.#rows.set(part, row);
    return row;
  }

  #draw() {
    this.#layOut();
    if (this.#ended === undefined) requestAnimationFrame(() => this.#draw());
  }

  #layOut() {
    const whole = Math.max(LEAST_MS, this.elapsed);
    for (const { bar, ms, at, after, state } of this.#rows.values()) {
      const from = after === "" ? 0 : this.#rows.get(after)?.at;
      const until = at ?? (this.#ended === undefined ? this.elapsed : undefined);
      const isShown = from !== undefined && until !== undefined;
      bar.hidden = !isShown;
      if (!isShown) continue;
      bar.style.setProperty("--from", `${100 * Math.min(from, until) / whole}%`);
      bar.style.setProperty("--width", `${100 * Math.max(0, until - from) / whole}%`);
      ms.textContent = state === "waiting" ? "" : `${Math.round(until)} ms`;
    }
  }
}
