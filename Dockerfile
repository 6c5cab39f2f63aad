# The gateway of this repository, with the config that is mounted or copied in: see docs/deploy.md.
FROM denoland/deno:2.9.6

WORKDIR /app
ENV DENO_DIR=/app/.deno
COPY deno.json deno.lock main.ts gateway.config.ts ./
COPY exports exports
COPY lib lib
COPY middleware middleware
COPY routes routes
# All packages are in the image: the container needs no registry.
RUN deno install --frozen --entrypoint main.ts
# The store of limits and cached responses; mount a volume here to keep it.
RUN mkdir -p data && chown deno:deno data
VOLUME /app/data

USER deno
ENV HOST=0.0.0.0 PORT=8000
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s CMD ["deno", "eval", "Deno.exit((await fetch(`http://127.0.0.1:${Deno.env.get('PORT')}/_gateway/health/live`)).ok ? 0 : 1)"]
# SIGTERM ends it in order: requests in flight have 4 seconds, or GATEWAY_GRACE.
STOPSIGNAL SIGTERM
CMD ["run", "--cached-only", "--v8-flags=--max-semi-space-size=64", "--allow-net", "--allow-env", "--allow-read", "--allow-write", "main.ts"]
