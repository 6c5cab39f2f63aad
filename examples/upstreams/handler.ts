/** What a server asks for an answer. */
export type Handler = (request: Request) => Response | Promise<Response>;
