const MOODS = {
  well: "Works",
  hanging: "Hangs",
  slow: "Slow",
  failing: "Fails",
  garbage: "Garbage",
};
const NAMES = {
  countries: "Countries",
  holidays: "Holidays",
  timeZones: "Time zones",
  mirror: "Copy of the countries",
};

/** Shows a switch for each sample API, and lets a button heal them all. */
export async function showSamples(container, heal) {
  const moods = await (await fetch("/_demo/samples")).json();
  container.replaceChildren(...Object.entries(moods).map(([name, mood]) => switchOf(name, mood)));
  heal.addEventListener("click", () => {
    for (const input of container.querySelectorAll("input[value=well]")) {
      if (!input.checked) input.click();
    }
  });
}

function switchOf(sample, mood) {
  const set = document.createElement("fieldset");
  const legend = document.createElement("legend");
  legend.textContent = NAMES[sample] ?? sample;
  const choices = document.createElement("div");
  choices.className = "switch";
  for (const [value, text] of Object.entries(MOODS)) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), {
      type: "radio",
      name: sample,
      value,
      checked: value === mood,
    });
    input.addEventListener("change", () => {
      fetch(`/_demo/samples/${sample}/${value}`, { method: "POST" });
    });
    label.append(input, text);
    choices.append(label);
  }
  set.append(legend, choices);
  return set;
}
