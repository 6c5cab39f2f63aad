import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";

/** Is told how an upload goes. */
export interface UploadWatcher {
  /** All that came was sent, and the client has to send more. */
  onWait(): void;
  /** The client has sent more, or all, or has broken off. */
  onCome(): void;
}

/**
 * The same body, still to come from a client; the watcher is told when whoever sends it on has to
 * wait for the client. The body given is spent.
 */
export function watchedUpload(body: Body, watcher: UploadWatcher): Body {
  const { length } = body;
  const coming = body.handOn();
  if (!(coming instanceof ReadableStream)) return Body.of(coming);
  const reader = coming.getReader();
  const stream = new ReadableStream<Bytes>({
    async pull(controller) {
      watcher.onWait();
      try {
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      } finally {
        watcher.onCome();
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
  return Body.from({ stream, ...(length === undefined ? {} : { length }) });
}
