import type { Program } from "./child.ts";
import { has, MissingError } from "./lab.ts";

const MODULE_FOLDERS = ["/usr/share/nginx/modules", "/usr/lib/nginx/modules"];

/** One nginx, one process, with the given `http` directives and modules. */
export async function nginxProgram(
  folder: string,
  name: string,
  http: string,
  modules: readonly string[] = [],
): Promise<Program> {
  if (!await has("nginx", "-v")) throw new MissingError("nginx is not installed");
  const loaded = await Promise.all(modules.map(findModule));
  const home = `${folder}/${name}`;
  await Deno.mkdir(home, { recursive: true });
  const temps = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${home}/${kind};`).join(" ");
  await Deno.writeTextFile(
    `${home}/nginx.conf`,
    `${loaded.map((path) => `load_module ${path};`).join("\n")}
    daemon off; master_process off; pid ${home}/pid; error_log ${home}/error.log;
    events { worker_connections 16384; multi_accept on; }
    http {
      access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; tcp_nodelay on;
      default_type application/json; types { } ${temps}
      ${http}
    }`,
  );
  return { command: "nginx", args: ["-p", home, "-c", `${home}/nginx.conf`] };
}

async function findModule(name: string): Promise<string> {
  for (const folder of MODULE_FOLDERS) {
    const path = `${folder}/${name}.so`;
    if (await Deno.stat(path).then(() => true, () => false)) return path;
  }
  throw new MissingError(`nginx's module ${name} is not installed`);
}
