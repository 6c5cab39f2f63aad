import { shownCache } from "../admin/cache.ts";
import { bytes, count, duration, share } from "./format.ts";
import type { View } from "./view.ts";

/** What this process's cache has, and how much of the traffic it takes. */
export const cache: View = {
  name: "cache",
  title: "Cache",
  parameters: [],
  before() {
    return (
      <div class="forms">
        <form class="filters" data-method="DELETE" data-action="/_gateway/cache">
          <label>
            Purge
            <select name="kind" data-names="what">
              <option value="url">one URL or path</option>
              <option value="tag">a tag</option>
            </select>
          </label>
          <label>
            Which
            <input name="what" required autocomplete="off" placeholder="/country/IS" />
          </label>
          <button type="submit">Purge</button>
          <noscript>
            <p class="note">Changes need JavaScript, or the operator API.</p>
          </noscript>
        </form>
        <button
          type="button"
          data-method="DELETE"
          data-action="/_gateway/cache?all"
          data-confirm="Purge all stored responses, in every process on the store?"
        >
          Purge everything
        </button>
      </div>
    );
  },
  render({ cache, clock }) {
    const { keys, maxBytes, hits, misses, entries, coded, ...memory } = shownCache(cache, clock);
    const used = memory.bytes + coded.bytes;
    return (
      <>
        <dl class="tiles">
          <div class="tile">
            <dt>Hit ratio</dt>
            <dd class="value">{share(hits, hits + misses)}</dd>
            <dd class="note">{`${count(hits)} hits, ${count(misses)} misses`}</dd>
          </div>
          <div class="tile">
            <dt>Stored responses</dt>
            <dd class="value">{count(keys)}</dd>
            <dd class="note">in the memory of this process</dd>
          </div>
          <div class="tile">
            <dt>Memory</dt>
            <dd class="value">{bytes(used)}</dd>
            <dd class="note">{`of ${bytes(maxBytes)}`}</dd>
          </div>
        </dl>
        <section aria-labelledby="entries">
          <h2 id="entries">Most recently used</h2>
          {entries.length === 0
            ? (
              <p class="empty">
                Nothing is stored. Give a route or an upstream a <code>cache</code>{" "}
                in the config, and send it a request.
              </p>
            )
            : (
              <div class="scroll" tabindex={0} role="region" aria-labelledby="entries">
                <table>
                  <thead>
                    <tr>
                      <th scope="col">Response</th>
                      <th scope="col">Status</th>
                      <th scope="col" class="number">Size</th>
                      <th scope="col" class="number">Age</th>
                    </tr>
                  </thead>
                  <tbody>
                    {entries.map(({ key, status, bytes: size, age }) => (
                      <tr>
                        <th scope="row">
                          <code>{key}</code>
                        </th>
                        <td>{status}</td>
                        <td class="number">{bytes(size)}</td>
                        <td class="number">{duration(age)}</td>
                      </tr>
                    ))}
                  </tbody>
                </table>
              </div>
            )}
        </section>
      </>
    );
  },
};
