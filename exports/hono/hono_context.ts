/**
 * What the middleware uses, and offers to the functions of its options, of Hono's `Context`. A function
 * that needs more of it says so: `skip: (c: Context) => …`.
 */
export interface HonoContext {
  /** The request. */
  readonly req: {
    /** The request itself. */
    readonly raw: Request;
    /** The path. */
    readonly path: string;
    /** The method, in capitals. */
    readonly method: string;
    /** A header. */
    header(name: string): string | undefined;
    /** A parameter of the query. */
    query(name: string): string | undefined;
    /** A parameter of the path. */
    param(name: string): string | undefined;
  };
  /** What the server passes to the app: that of `Deno.serve` has the client's address. */
  readonly env: unknown;
  /** The response, once there is one. */
  readonly res: Response;
  /** Sets a header of the response. */
  header(name: string, value: string): void;
  /** Makes a text response. */
  text(text: string, status?: 200 | 400 | 401 | 403 | 404 | 429 | 500 | 503): Response;
}
