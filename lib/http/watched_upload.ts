import { Body } from "../core/body.ts";
import type { Bytes } from "../core/bytes.ts";

/** Observes an upload. */
export interface UploadWatcher {
  /** Called when everything that arrived is sent, and the client must send more. */
  onWait(): void;
  /** Called when the client has sent more, has finished, or has disconnected. */
  onCome(): void;
}

/**
 * Wraps a client's body to notify a watcher when the sender has to wait for the client. Consumes
 * the given body.
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
