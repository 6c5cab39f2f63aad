import type { Program } from "./child.ts";
import type { Lab } from "./lab.ts";
import { nginxProgram } from "./nginx.ts";

const LUA_MODULES = ["ndk_http_module", "ngx_http_lua_module"];

/** The parts of `/agg/N/KB/ID` and `/slow/ID`, fetched at once; then `data` and `complete`. */
const FETCH_PARTS = `
  local kind, count, size, id = string.match(ngx.var.uri, "^/(%a+)/(%d+)/?(%d*)/?(%d*)$")
  if kind == "slow" then id, count, size = count, 3, 1 end
  local calls = {}
  for i = 0, count - 1 do
    local upstream = (kind == "slow" and i == 2) and 3 or i % 3
    calls[i + 1] = { "/u" .. upstream .. "/s" .. size .. "/p" .. i .. ".json?id=" .. id }
  end
  local replies = { ngx.location.capture_multi(calls) }
  local complete = true`;

/** Bytes put together as they came, without looking at them. */
const SPLICE = `
  local text = { '{"data":{' }
  for i, reply in ipairs(replies) do
    local isOk = reply.status == 200 and not reply.truncated
    complete = complete and isOk
    text[#text + 1] = (i > 1 and ',"p' or '"p') .. (i - 1) .. '":'
    text[#text + 1] = isOk and reply.body or "null"
  end
  text[#text + 1] = '},"complete":' .. tostring(complete) .. "}"
  local body = table.concat(text)`;

/** Each part parsed, the whole written anew. */
const PARSE = `
  local cjson = require "cjson"
  local data = {}
  for i, reply in ipairs(replies) do
    local isOk, value = false, nil
    if reply.status == 200 and not reply.truncated then
      isOk, value = pcall(cjson.decode, reply.body)
    end
    complete = complete and isOk
    data["p" .. (i - 1)] = isOk and value or cjson.null
  end
  local body = cjson.encode({ data = data, complete = complete })`;

/** nginx alone: proxy_pass, proxy_cache, limit_req. */
export async function nginxPeer(lab: Lab, port: number): Promise<Program> {
  return await nginxProgram(
    lab.folder,
    "nginx",
    `${proxying(lab)}
    proxy_cache_path ${lab.folder}/nginx/cache keys_zone=stored:10m;
    limit_req_zone $http_x_client zone=wide:10m rate=1000000r/s;
    limit_req_zone $http_x_client zone=none:10m rate=1r/m;
    limit_req_status 429; limit_req_log_level info;
    server {
      listen 127.0.0.1:${port} backlog=4096;
      location ~ ^/s(1|100)/ { proxy_pass http://u0; }
      location /c/ { proxy_pass http://u0; proxy_cache stored; }
      location /allowed/ { limit_req zone=wide burst=1000 nodelay; proxy_pass http://u0; }
      location /denied/ { limit_req zone=none nodelay; proxy_pass http://u0; }
    }`,
  );
}

/** nginx with Lua: aggregates whose parts are spliced, or parsed and written by cjson. */
export async function nginxLuaPeer(lab: Lab, port: number, parse: boolean): Promise<Program> {
  const locations = [0, 1, 2, 3].map((index) =>
    `location /u${index}/ { internal; proxy_pass http://u${index}/; proxy_read_timeout 2s; }`
  );
  return await nginxProgram(
    lab.folder,
    parse ? "nginx-cjson" : "nginx-lua",
    `lua_package_path "/usr/share/lua/5.1/?.lua;/usr/share/lua/5.1/?/init.lua;;";
    ${proxying(lab)}
    gzip on; gzip_types application/json; gzip_proxied any;
    server {
      listen 127.0.0.1:${port} backlog=4096;
      ${locations.join("\n")}
      location / { content_by_lua_block { ${FETCH_PARTS} ${parse ? PARSE : SPLICE}
        ngx.header["Content-Length"] = #body
        ngx.print(body)
      } }
    }`,
    LUA_MODULES,
  );
}

function proxying(lab: Lab): string {
  const upstreams = [...lab.upstreams, lab.slowUpstream].map((port, index) =>
    `upstream u${index} { server 127.0.0.1:${port}; keepalive 256; keepalive_requests 1000000000; }`
  );
  return `${upstreams.join("\n")}
    proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_buffer_size 8k; proxy_buffers 16 16k;`;
}
