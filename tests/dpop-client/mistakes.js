// Mistakes in the client that a scenario must find. Each one replaces text of `client.js` in a copy.

import { cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";

import * as scenarios from "./scenarios.js";

export const ALL = [
  {
    name: "no proof at the API",
    correct: "      DPoP: this.#dpop,\n      [oauth.customFetch]",
    wrong: "      [oauth.customFetch]",
    scenario: scenarios.call_with_proof_is_allowed,
    failure: /dpop_scheme_required/,
  },
  {
    name: "no proof at the token endpoint",
    correct: "{ DPoP: this.#dpop, [oauth.customFetch]",
    wrong: "{ [oauth.customFetch]",
    scenario: scenarios.token_is_bound_after_nonce_round_trip,
    failure: /invalid_dpop_proof/,
  },
  {
    name: "no second request with the nonce",
    correct: "if (!oauth.isDPoPNonceError(error)) throw error;",
    wrong: "throw error;",
    scenario: scenarios.token_is_bound_after_nonce_round_trip,
    failure: /use_dpop_nonce/,
  },
  {
    name: "another key for each request",
    correct: "      DPoP: this.#dpop,\n      [oauth.customFetch]",
    wrong: "      DPoP: oauth.DPoP(this.#client, await oauth.generateKeyPair(ALGORITHM)),\n      [oauth.customFetch]",
    scenario: scenarios.call_with_proof_is_allowed,
    failure: /dpop_key_mismatch/,
  },
  {
    name: "a token for each request",
    correct: "!this.#token || this.#token.renewal <= Date.now()",
    wrong: "true",
    scenario: scenarios.token_is_bound_after_nonce_round_trip,
    failure: /keeps the token/,
  },
];

// Runs the scenario of a mistake with a copy of the client in `folder`. Throws if the scenario
// passes, or fails for another reason.
export async function find(mistake, source, folder, programs) {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const file of ["http.js", "package.json"]) await cp(path.join(source, file), path.join(folder, file));
  await symlink(path.join(source, "node_modules"), path.join(folder, "node_modules"));
  const text = await readFile(path.join(source, "client.js"), "utf8");
  if (!text.includes(mistake.correct)) throw new Error(`client.js has no ${JSON.stringify(mistake.correct)}`);
  await writeFile(path.join(folder, "client.js"), text.replace(mistake.correct, mistake.wrong));
  const modules = await load(folder);
  const problem = await mistake.scenario({ modules, programs }).then(() => null, (error) => error);
  if (!problem) throw new Error(`${mistake.scenario.name} passed with the mistake`);
  // The errors of oauth4webapi have the code of Okta in `error`.
  if (!mistake.failure.test(`${problem.message} ${problem.error}`)) throw new Error(`expected ${mistake.failure}, found: ${problem.stack}`);
}

// Returns the modules of the client in this folder.
export async function load(folder) {
  const [client, http] = await Promise.all(
    ["client.js", "http.js"].map((file) => import(pathToFileURL(path.join(folder, file)))),
  );
  return { client, http };
}
