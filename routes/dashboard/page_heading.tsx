/** The heading of a page that is updated, with what says whether it is. */
export function PageHeading({ title }: { title: string }) {
  return (
    <div class="heading">
      <h1>{title}</h1>
      <span class="live" id="live" hidden>
        <span class="dot" aria-hidden="true" />
        <span id="live-text">Live</span>
        <button type="button" id="pause" class="quiet">Pause</button>
      </span>
    </div>
  );
}
