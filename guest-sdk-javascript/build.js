/**
 * Building container images with whichever engine the operator chose.
 *
 * A `Request` says what to build: its setters only note their argument, and `build` reports every
 * fault. `wit/build.wit` has all of them, and what `supports` can be asked.
 *
 *     const request = build.request();
 *     request.setContext("app");
 *     build.push(build.build(request), "ghcr.io/team/app:1.2.3", credential);
 */

import * as contract from "stepyard:step/build@0.1.0";

import { call } from "./errors.js";

/** @typedef {import("stepyard:step/build@0.1.0").Request} Request */
/** @typedef {import("stepyard:step/build@0.1.0").Image} Image */
/** @typedef {import("stepyard:step/types@0.1.0").Credential} Credential */
/** @typedef {import("stepyard:step/types@0.1.0").Descriptor} Descriptor */

/**
 * The engine of this run, such as `docker` or `buildkit`.
 * @returns {string}
 */
export function engine() {
  return call(contract, "build", "engine");
}

/**
 * Whether the engine honours a feature, such as `hold` or `build-secrets`.
 * @param {string} feature
 * @returns {boolean}
 */
export function supports(feature) {
  return call(contract, "build", "supports", feature);
}

/**
 * A request for the Dockerfile in the root of the workspace.
 * @returns {Request}
 */
export function request() {
  return new contract.Request();
}

/**
 * Builds. The output of the build goes to the run's log.
 * @param {Request} request
 * @returns {Image}
 */
export function build(request) {
  return call(contract, "build", "build", request);
}

/**
 * Pushes an image that the engine holds, and verifies that the registry has it.
 * @param {Image} image
 * @param {string} reference
 * @param {Credential} credential
 * @returns {Descriptor}
 */
export function push(image, reference, credential) {
  return call(image, "build", "push", reference, credential);
}
