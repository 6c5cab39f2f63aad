import { assertEquals, assertGreater, assertMatch } from "@std/assert";
import { type Browser, chromium, type Page } from "playwright-core";
import { barriers, findChromium } from "../support/browser.ts";
import { Dev } from "../support/dev.ts";

/** Longer than anything on the page takes to show (ms). */
const SHOWS_MS = 10_000;
/** What Chromium logs for each response of an error's status. */
const REFUSED = /^Failed to load resource: the server responded with a status of \d+/;

const executablePath = await findChromium();

/** A browser on the page of `deno task dev`. */
interface Browsed extends AsyncDisposable {
  readonly page: Page;
  /** What the browser complained about, and what it loaded from elsewhere. */
  readonly complaints: string[];
}

async function open(executablePath: string): Promise<Browsed> {
  await using started = new AsyncDisposableStack();
  const dev = started.use(new Dev());
  const browser: Browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  started.defer(() => browser.close());
  await dev.wrote(/^listening on/m);
  const url = dev.url("listening") ?? "";
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(SHOWS_MS);
  const complaints: string[] = [];
  page.on("console", (message) => {
    const isComplaint = ["error", "warning"].includes(message.type());
    if (isComplaint && !REFUSED.test(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== url) complaints.push(`loads ${request.url()}`);
  });
  await page.goto(url);
  const { dispose } = moved(started);
  return { page, complaints, [Symbol.asyncDispose]: dispose };
}

/** What was started, for someone else to dispose of. */
function moved(started: AsyncDisposableStack): { dispose: () => Promise<void> } {
  const owned = started.move();
  return { dispose: () => owned.disposeAsync() };
}

function partOf(page: Page, name: string, state: string) {
  return page.locator(`#parts li.${state}[data-part=${name}]`);
}

async function send(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Send", exact: true }).click();
}

async function choose(page: Page, api: string, mood: string): Promise<void> {
  const changed = page.waitForResponse(/_demo\/samples\//);
  await page.getByRole("group", { name: api, exact: true }).getByText(mood).click();
  await changed;
}

/** The page loads, sends its first request, and shows the parts one after the other. */
async function arrive({ page, complaints }: Browsed): Promise<void> {
  await partOf(page, "country", "arrived").waitFor();
  await partOf(page, "holidays", "waiting").or(partOf(page, "holidays", "arrived")).waitFor();
  await page.getByText(/^Complete, after \d+ ms$/).waitFor();
  const times = await page.locator("#parts .ms").allInnerTexts();
  const [country = 0, neighbours = 0, holidays = 0, timeZones = 0] = times.map((text) =>
    Number.parseInt(text)
  );
  assertGreater(neighbours, country, "they need the country");
  assertGreater(timeZones, country);
  assertGreater(holidays, timeZones);
  await page.getByText("9 of 10 requests left.").waitFor();
  await page.getByText(/^miss, stored now, fresh for \d+ s$/).waitFor(); // the list of countries

  await page.getByLabel("Country").selectOption("IS");
  await page.getByText(/Iceland, capital Reykjavik/).waitFor();
  await page.getByText(/^Complete/).waitFor();
  await send(page);
  await page.getByText("Atlantic/Reykjavik").or(page.getByText("(from the cache)")).waitFor();
  await partOf(page, "timeZones", "hit").waitFor();
  await page.getByText(/^Complete/).waitFor();

  await page.getByRole("button", { name: "Race" }).click();
  await page.getByText(/Iceland: mirror won after \d+ ms, countries cancelled/).waitFor();
  assertEquals(complaints, []);
}

/** One API hangs, and is healed. */
async function breakAndHeal({ page, complaints }: Browsed): Promise<void> {
  await choose(page, "Holidays", "Hangs");
  await send(page);
  await page.getByText("Upstream timed out: no response within 1000 ms").waitFor();
  await partOf(page, "holidays", "missing").waitFor();
  await page.getByText(/^Incomplete, after \d+ ms: without holidays$/).waitFor();
  await page.reload(); // it shows how the samples behave, whoever made them
  await page.locator('input[name=holidays][value="hanging"]:checked').waitFor();

  const healed = page.waitForResponse(/holidays\/well/);
  await page.getByRole("button", { name: "Heal all" }).click();
  await healed;
  await send(page);
  await page.getByText(/^Complete/).waitFor();

  await choose(page, "Countries", "Garbage");
  await send(page);
  await page.getByText(/^502 .*: /).waitFor();
  await partOf(page, "country", "missing").waitFor();
  await choose(page, "Countries", "Works");
  assertEquals(complaints, []);
}

/** More requests than tokens, until there are some again. */
async function exhaust({ page, complaints }: Browsed): Promise<void> {
  await page.getByRole("button", { name: "Send 12 at once" }).click();
  const tokens = page.locator("#tokens");
  await tokens.getByText(/\d+ admitted, \d+ rejected\. None left until .+, in \d s\./).waitFor();
  assertMatch(await tokens.innerText(), /until \d+:\d\d:\d\d/);
  assertEquals(await page.locator("#pips .left").count(), 0);
  await tokens.getByText(/a request is admitted again/).waitFor();
  await send(page);
  await page.getByText(/^Complete/).waitFor();
  assertEquals(complaints, []);
}

/** Light, dark and on a phone. */
async function inspect({ page, complaints }: Browsed): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    assertEquals(await barriers(page), [], colorScheme);
  }
  await page.setViewportSize({ width: 360, height: 740 });
  const width = await page.evaluate("document.documentElement.scrollWidth");
  assertEquals(width, 360, "as wide as the phone");
  assertEquals(complaints, []);
}

Deno.test({
  name: "the page of deno task dev in a browser",
  // Without Chromium (Debian's package chromium) this is skipped.
  ignore: executablePath === undefined,
  async fn(t) {
    await using it = await open(executablePath ?? "");
    await t.step("parts arrive one by one, and from the cache; a race is won", () => arrive(it));
    await t.step(
      "one hangs and is missing, and is healed; a required one fails",
      () => breakAndHeal(it),
    );
    await t.step("tokens run out, and it says until when", () => exhaust(it));
    await t.step("light, dark, on a phone: nothing bars anyone, nor is cut off", () => inspect(it));
  },
});
