/** The form that takes the operator's token. */
export function Login({ problem, next }: { problem: string | undefined; next: string }) {
  return (
    <form class="login card" method="post" action="/_gateway/dashboard/login">
      <h1>Sign in</h1>
      <p class="note">
        Enter the token that the gateway has in{" "}
        <code>GATEWAY_ADMIN_TOKEN</code>. You stay signed in for 12 hours.
      </p>
      {problem && <p class="bad" role="alert">{problem}</p>}
      <input type="hidden" name="next" value={next} />
      <label>
        Operator token
        <input
          type="password"
          name="token"
          required
          autofocus
          autocomplete="current-password"
          maxlength={1000}
        />
      </label>
      <button type="submit">Sign in</button>
    </form>
  );
}
