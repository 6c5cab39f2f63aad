/** What a part's data says, in a line. */
export function summaryOf(part, data) {
  return SUMMARIES[part]?.(data) ?? JSON.stringify(data).slice(0, 120);
}

const SUMMARIES = {
  country: ({ flag, name, capital }) => `${flag} ${name}${capital ? `, capital ${capital}` : ""}`,
  neighbours: (all) => all.map((one) => one ? `${one.flag} ${one.name}` : "?").join(", ") || "none",
  holidays: (days) => {
    const today = new Date().toISOString().slice(0, 10);
    const next = days.find(({ date }) => date >= today);
    return `${days.length} this year${next ? `; next ${next.name}, ${next.date}` : ""}`;
  },
  timeZones: (zones) => zones.map(({ name, utcOffset }) => `${name} ${utcOffset}`).join(", "),
};
