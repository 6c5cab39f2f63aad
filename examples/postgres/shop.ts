import postgres, { type Sql } from "postgres";
import { type Call, type Context, json, type Reply } from "sluice";
import { cancellable } from "./cancellable.ts";
import { refusal } from "./refusal.ts";

/** Opens a pool of connections. Each connection is opened when it is needed. */
export function openShop(url: string | undefined): Sql {
  if (url === undefined) throw new Error("DATABASE_URL is not set");
  return postgres(url, { max: 10, connect_timeout: 2, onnotice() {} });
}

/** Calls the shop's tables like an HTTP API. */
export async function callShop(call: Call, { signal }: Context, sql: Sql): Promise<Reply> {
  try {
    return await respond(call, signal, sql);
  } catch (error) {
    signal.throwIfAborted();
    return refusal(error);
  }
}

async function respond({ method, path }: Call, signal: AbortSignal, sql: Sql): Promise<Reply> {
  const { pathname, searchParams } = new URL(path, "http://shop");
  const [, table = "", id = ""] = pathname.split("/").map(decodeURIComponent);
  const value = (name: string) => searchParams.get(name);
  // A value in ${…} is sent as a parameter, separate from the text: it is never SQL.
  switch (`${method} ${table}`) {
    case "GET customers": {
      const query = sql`select id, name, country from customers where id = ${id}`;
      const [customer] = await cancellable(query, signal);
      return customer ? json(customer) : json({ error: "no such customer" }, 404);
    }
    case "GET orders": {
      const query = sql`
        select o.id, p.name as product, o.quantity
        from orders o join products p on p.id = o.product
        where o.customer = ${value("customer")} order by o.id`;
      return json(await cancellable(query, signal));
    }
    case "POST orders": {
      // Both statements or neither: an error in between rolls back.
      const order = await sql.begin(async (sql) => {
        const taken = sql`
          update products set stock = stock - ${value("quantity")}
          where id = ${value("product")} returning name, stock`;
        const [product] = await cancellable(taken, signal);
        if (!product) return undefined;
        const placed = sql`
          insert into orders (customer, product, quantity)
          values (${value("customer")}, ${value("product")}, ${value("quantity")}) returning id`;
        const [order] = await cancellable(placed, signal);
        return { ...order, product: product.name, left: product.stock };
      });
      return order ? json(order, 201) : json({ error: "no such product" }, 404);
    }
    default:
      return json({ error: "no such table" }, 404);
  }
}
