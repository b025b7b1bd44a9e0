// Runs examples/dpop-client against Envoy with the filter and the stand-in Okta.
//
//   node tests/dpop-client/check.js DEMO [NAME]
//
// DEMO is the program of `make up`. NAME selects the checks whose names contain it. After the
// scenarios, some of them run again on a client with a planted mistake, and the check fails if a
// scenario does not find its mistake. `scripts/check-dpop` starts this program.

import path from "node:path";
import { fileURLToPath } from "node:url";

import * as mistakes from "./mistakes.js";
import { start } from "./programs.js";
import * as scenarios from "./scenarios.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const source = path.join(root, "examples/dpop-client");
const [demo, part = ""] = process.argv.slice(2);

const modules = await mistakes.load(source);
let failed = 0;
let count = 0;
for (const dpop of ["yes", "nonce"]) {
  const checks = scenarios.ALL[dpop].map((scenario) => [
    `${scenario.name} (OKTA_AUTHZ_DPOP=${dpop})`,
    (programs) => scenario({ modules, programs }),
  ]);
  if (dpop === "yes") {
    for (const [index, mistake] of mistakes.ALL.entries()) {
      const folder = path.join(root, "target/dpop-check", String(index));
      checks.push([`mistake: ${mistake.name}`, (programs) => mistakes.find(mistake, source, folder, programs)]);
    }
  }
  const selected = checks.filter(([name]) => name.includes(part));
  if (selected.length === 0) continue;
  const programs = await start(demo, dpop);
  try {
    for (const [name, check] of selected) {
      count += 1;
      const problem = await check(programs).then(() => null, (error) => error);
      console.log(`${problem ? "FAILED" : "ok    "} ${name}`);
      if (problem) {
        failed += 1;
        console.error(problem.stack);
      }
    }
  } finally {
    await programs.stop();
  }
}
if (count === 0) {
  console.error(`check-dpop: no check has a name with ${JSON.stringify(part)}`);
  failed += 1;
}
console.log(`check-dpop: ${count} checks, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
