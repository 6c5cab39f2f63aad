import { DatabaseSync } from "node:sqlite";
import { type Call, type Context, json, type Reply } from "sluice";

/** Notes about countries in a SQLite file. */
export class Notes implements Disposable {
  readonly #db: DatabaseSync;
  readonly #list;
  readonly #add;

  /** @param path a file, or `:memory:` */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec(`
      create table if not exists notes (
        id integer primary key,
        country text not null,
        text text not null check (length(text) between 1 and 200)
      ) strict`);
    // Prepared once. A value is bound to its `?` and never read as SQL.
    this.#list = this.#db.prepare("select id, text from notes where country = ? order by id");
    this.#add = this.#db.prepare("insert into notes (country, text) values (?, ?) returning id");
  }

  /** The notes of a country. */
  list(country: string): unknown[] {
    return this.#list.all(country);
  }

  /** Adds a note; undefined when it is too short or too long. */
  add(country: string, text: string): unknown {
    if (text.length < 1 || text.length > 200) return undefined;
    return this.#add.get(country, text);
  }

  /** Closes the database. A disposable resource needs no `close` in the config. */
  [Symbol.dispose](): void {
    this.#db.close();
  }
}

/** Calls the notes like an HTTP API: `GET` or `POST /notes?country=…&text=…`. */
export function callNotes(
  { method, path }: Call,
  { signal }: Context,
  notes: Notes,
): Promise<Reply> {
  const { searchParams } = new URL(path, "http://notes");
  const country = searchParams.get("country") ?? "";
  // SQLite is synchronous: nothing can be cancelled once a query runs.
  signal.throwIfAborted();
  if (method === "GET") return Promise.resolve(json(notes.list(country)));
  const added = notes.add(country, searchParams.get("text") ?? "");
  return Promise.resolve(
    added ? json(added, 201) : json({ error: "a note has 1 to 200 characters" }, 400),
  );
}
