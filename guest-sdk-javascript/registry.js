/**
 * Registries that follow the OCI distribution specification.
 *
 * A reference is `registry/repository:tag` or `registry/repository@digest`, with the registry always
 * spelt out. `wit/registry.wit` says with which kinds of error each function fails.
 */

import * as contract from "stepyard:step/registry@0.1.0";

import { call } from "./errors.js";

/** @typedef {import("stepyard:step/types@0.1.0").Credential} Credential */
/** @typedef {import("stepyard:step/types@0.1.0").Descriptor} Descriptor */
/** @typedef {import("stepyard:step/registry@0.1.0").Manifest} Manifest */

/**
 * What `reference` names; nothing where the repository has no such tag or digest.
 * @param {string} reference
 * @param {Credential} credential
 * @returns {Descriptor | undefined}
 */
export function resolve(reference, credential) {
  return call(contract, "registry", "resolve", reference, credential);
}

/**
 * The manifest that `reference` names, its digest verified. `JSON.parse(textOf(manifest))` reads it.
 * @param {string} reference
 * @param {Credential} credential
 * @returns {Manifest}
 */
export function getManifest(reference, credential) {
  return call(contract, "registry", "getManifest", reference, credential);
}

/**
 * The text of a manifest.
 * @param {Manifest} manifest
 */
export function textOf(manifest) {
  return new TextDecoder().decode(manifest.content);
}

/**
 * Stores a manifest under `reference`, whose blobs the repository must have already.
 * @param {string} reference
 * @param {Manifest} manifest
 * @param {Credential} credential
 * @returns {Descriptor}
 */
export function putManifest(reference, manifest, credential) {
  return call(contract, "registry", "putManifest", reference, manifest, credential);
}

/**
 * Lets a further tag name what `reference` names, without moving a layer.
 * @param {string} reference
 * @param {string} tag
 * @param {Credential} credential
 * @returns {Descriptor}
 */
export function tag(reference, tag, credential) {
  return call(contract, "registry", "tag", reference, tag, credential);
}

/**
 * Copies an image or image index with all that it refers to, and verifies it.
 * @param {string} source
 * @param {Credential} sourceCredential
 * @param {string} destination
 * @param {Credential} destinationCredential
 * @returns {Descriptor}
 */
export function copy(source, sourceCredential, destination, destinationCredential) {
  return call(contract, "registry", "copy", source, sourceCredential, destination, destinationCredential);
}

/**
 * The tags of `registry/repository`, in the registry's order.
 * @param {string} repository
 * @param {Credential} credential
 * @returns {string[]}
 */
export function listTags(repository, credential) {
  return call(contract, "registry", "listTags", repository, credential);
}
