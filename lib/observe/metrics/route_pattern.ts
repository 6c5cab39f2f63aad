/**
 * The path pattern of a route's key: `/users/:id` for `GET /users/:id`. Empty for no route.
 *
 * Two routes that differ in their methods alone share it: the method is a label of its own.
 */
export function routePattern(key: string | undefined): string {
  return key === undefined ? "" : key.slice(key.indexOf(" ") + 1);
}
