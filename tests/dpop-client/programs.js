// The programs of `make up` on free ports, with DPoP in the filter.

import { spawn } from "node:child_process";
import readline from "node:readline";

const START_MILLIS = 120_000;

// Starts the demo. `dpop` is the value of OKTA_AUTHZ_DPOP: `yes` or `nonce`.
export async function start(demo, dpop) {
  const environment = { ...process.env, OKTA_AUTHZ_DPOP: dpop, OKTA_AUTHZ_SPA_SDK: "" };
  const child = spawn(demo, ["--stay-on-free-ports"], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const timer = setTimeout(() => child.kill("SIGKILL"), START_MILLIS);
  const output = [];
  const found = {};
  for await (const line of readline.createInterface({ input: child.stdout })) {
    output.push(line);
    const api = line.match(/^The API: +(http:\/\/127\.0\.0\.1:\d+)\//);
    if (api) found.api = api[1].replace("127.0.0.1", "localhost");
    const okta = line.match(/^Okta: +(\S+) \(stand-in, (\S+)\/\)/);
    if (okta) Object.assign(found, { issuer: okta[1], okta: okta[2] });
    if (line.startsWith("Ctrl-C stops")) break;
  }
  clearTimeout(timer);
  if (!found.api || !found.okta) {
    child.kill();
    await exited;
    throw new Error(`the demo did not start:\n${output.join("\n")}`);
  }
  const stop = async () => {
    child.kill();
    await exited;
  };
  return { ...found, reachableIssuer: `${found.okta}${new URL(found.issuer).pathname}`, stop };
}
