/** Handles the requests of a server. */
export type Handler = (request: Request) => Response | Promise<Response>;
