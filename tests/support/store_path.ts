import { hang, startUpstream } from "./upstream.ts";

/** The way to a KV Connect server, on which things happen. */
export interface StorePath extends AsyncDisposable {
  readonly url: string;
  /**
   * What becomes of what is asked: `open` brings it there and the answer back; `silent` takes it and
   * says nothing; `lossy` brings it there, and loses what is said of a write.
   */
  state: "open" | "silent" | "lossy";
  /** How many answers it has lost. */
  lost: number;
}

/** Starts a way to a server. */
export function startStorePath(server: string): StorePath {
  const path = startUpstream(async (request) => {
    const { pathname } = new URL(request.url);
    if (state.state === "silent") return await hang(request);
    const body = await request.arrayBuffer();
    const answer = await fetch(server + pathname, {
      method: "POST",
      headers: request.headers,
      body,
    });
    const bytes = await answer.arrayBuffer();
    // A 5xx is as good as no answer: the client asks again either way.
    if (state.state === "lossy" && pathname.endsWith("/atomic_write")) {
      state.lost++;
      return new Response(null, { status: 502 });
    }
    return new Response(bytes, answer);
  });
  const state: StorePath = {
    url: path.url,
    state: "open",
    lost: 0,
    [Symbol.asyncDispose]: () => path[Symbol.asyncDispose](),
  };
  return state;
}
