/** Credentials for registries: handles, whose secret stays in the host. */

import * as contract from "stepyard:step/auth@0.1.0";
import { write } from "stepyard:step/log@0.1.0";

import { call } from "./errors.js";

/** @typedef {import("stepyard:step/types@0.1.0").Credential} Credential */

// componentize-js forgets the class of a resource that has no methods, and looks for it by this name
// (https://github.com/bytecodealliance/ComponentizeJS/issues/221). Its own code has a global object
// of its own, which only a function of it leads to.
write.constructor("return globalThis")().import_types_0_1_0$Credential ??= class Credential {};

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
