import { GatewayError } from "../../lib/core/errors.ts";
import { shownBlock } from "../admin/blocks.ts";
import { busiestBuckets } from "../admin/buckets.ts";
import { count, duration } from "./format.ts";
import type { View, ViewData } from "./view.ts";

/** How many blocks are listed. */
const MOST_BLOCKS = 100;

type Bucket = Awaited<ReturnType<typeof busiestBuckets>>["buckets"][number];

/** Who sends many requests, and who is kept out. */
export const clients: View = {
  name: "clients",
  title: "Clients",
  parameters: [],
  before({ operator }) {
    if (operator === undefined) return null;
    return (
      <form class="filters" data-method="PUT" data-action="/_gateway/buckets/ban">
        <label>
          Block
          <select name="kind" data-names="who">
            <option value="ip">address or range</option>
            <option value="client">known client</option>
          </select>
        </label>
        <label>
          Who
          <input name="who" required autocomplete="off" placeholder="203.0.113.7" />
        </label>
        <label>
          For
          <select name="for">
            <option value="10m">10 minutes</option>
            <option value="1h">1 hour</option>
            <option value="24h">1 day</option>
            <option value="168h">7 days</option>
          </select>
        </label>
        <label>
          Reason
          <input name="reason" maxlength={200} autocomplete="off" placeholder="for you; optional" />
        </label>
        <button type="submit">Block</button>
        <noscript>
          <p class="note">Changes need JavaScript, or the operator API.</p>
        </noscript>
      </form>
    );
  },
  async render(data) {
    return (
      <>
        <Blocks data={data} />
        <section aria-labelledby="buckets">
          <h2 id="buckets">Busiest rate limit buckets</h2>
          {await buckets(data)}
        </section>
      </>
    );
  },
};

async function buckets({ settings, limits, operator }: ViewData) {
  if (settings.limits.length === 0) {
    return (
      <p class="empty">
        The config has no limits. Add one under <code>limits</code>, and name it in a route.
      </p>
    );
  }
  try {
    const { buckets, seconds } = await busiestBuckets(limits);
    if (buckets.length === 0) {
      return (
        <p class="empty">
          No request was counted in the last seconds. Whoever sends some shows here.
        </p>
      );
    }
    return (
      <div class="scroll" tabindex={0} role="region" aria-labelledby="buckets">
        <table>
          <thead>
            <tr>
              <th scope="col">Who</th>
              <th scope="col">Limit</th>
              <th scope="col" class="number">Tokens taken</th>
              <th scope="col" class="number">Denied (429)</th>
              <th scope="col" class="number">Left</th>
              <th scope="col" class="number">Next token</th>
              <th scope="col">Change</th>
            </tr>
          </thead>
          <tbody>
            {buckets.map((bucket) => (
              <Row bucket={bucket} seconds={seconds} mayBlock={operator !== undefined} />
            ))}
          </tbody>
        </table>
      </div>
    );
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return <p class="empty">The store does not respond, so the buckets cannot be read now.</p>;
  }
}

function Row(
  { bucket, seconds, mayBlock }: { bucket: Bucket; seconds: number; mayBlock: boolean },
) {
  const { who, limit, tier, taken, refused, left, burst, next } = bucket;
  const subject = subjectQuery(who);
  return (
    <tr id={`bucket-${who}-${limit}-${tier}`}>
      <th scope="row">
        <code>{who}</code>
      </th>
      <td>{tier === null ? limit : `${limit}, tier ${tier}`}</td>
      <td class="number">{`${count(taken)} in ${seconds} s`}</td>
      <td class={`number ${refused > 0 ? "warn" : ""}`}>{count(refused)}</td>
      <td class="number">{`${count(left)} of ${count(burst)}`}</td>
      <td class="number">{next === null ? "full" : `in ${duration(next)}`}</td>
      <td class="actions">
        {subject && (
          <ActionButton
            name="Reset"
            of={who}
            method="DELETE"
            action={`/_gateway/buckets?${subject}&limit=${encodeURIComponent(limit)}`}
          />
        )}
        {subject && mayBlock && subject !== "all" && (
          <ActionButton
            name="Block 10 min"
            of={who}
            method="PUT"
            action={`/_gateway/buckets/ban?${subject}&for=10m`}
          />
        )}
      </td>
    </tr>
  );
}

function Blocks({ data: { operator, clock } }: { data: ViewData }) {
  if (operator === undefined) return null;
  const blocks = operator.blocks.list(clock.wall());
  return (
    <section aria-labelledby="blocks">
      <h2 id="blocks">Blocked</h2>
      {blocks.length === 0
        ? <p class="fine">Nobody is blocked.</p>
        : (
          <div class="scroll" tabindex={0} role="region" aria-labelledby="blocks">
            <table>
              <thead>
                <tr>
                  <th scope="col">Who</th>
                  <th scope="col" class="number">Ends in</th>
                  <th scope="col">Reason</th>
                  <th scope="col">Change</th>
                </tr>
              </thead>
              <tbody>
                {blocks.slice(0, MOST_BLOCKS).map((block) => {
                  const { who, seconds, reason } = shownBlock(block, clock);
                  const subject = subjectQuery(who) ?? "";
                  return (
                    <tr id={`block-${who}`}>
                      <th scope="row">
                        <code>{who}</code>
                      </th>
                      <td class="number">{duration(seconds)}</td>
                      <td>{reason ?? ""}</td>
                      <td class="actions">
                        <ActionButton
                          name="Unblock"
                          of={who}
                          method="DELETE"
                          action={`/_gateway/buckets/ban?${subject}`}
                        />
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
        )}
      {blocks.length > MOST_BLOCKS && (
        <p class="note">{`${blocks.length - MOST_BLOCKS} more; the operator API lists all.`}</p>
      )}
    </section>
  );
}

function ActionButton(
  { name, of, method, action }: { name: string; of: string; method: string; action: string },
) {
  return (
    <button type="button" class="small" data-method={method} data-action={action}>
      {name}
      <span class="unseen">{` ${of}`}</span>
    </button>
  );
}

/** A bucket's or a block's subject as the operator API wants it; undefined for a hashed header. */
function subjectQuery(who: string): string | undefined {
  if (who === "all") return "all";
  const [, kind = "", value = ""] = /^(client|ip) (.*)$/s.exec(who) ?? [];
  return kind === "" ? undefined : `${kind}=${encodeURIComponent(value)}`;
}
