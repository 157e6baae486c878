/** Credentials for registries: handles, whose secret stays in the host. */

import * as contract from "stepyard:step/auth@0.1.0";

import { call } from "./errors.js";

/** @typedef {import("stepyard:step/types@0.1.0").Credential} Credential */

/**
 * Logs in to a registry's host with a connector that the operator configured. Without a registry it
 * is the connector's own.
 * @param {string} connector
 * @param {string} [registry]
 * @returns {Credential}
 */
export function login(connector, registry) {
  return call(contract, "auth", "login", connector, registry);
}

/**
 * A credential for a registry's host without an identity, for what anyone may read.
 * @param {string} registry
 * @returns {Credential}
 */
export function anonymous(registry) {
  return call(contract, "auth", "anonymous", registry);
}
