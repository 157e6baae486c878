/**
 * What only Amazon ECR has. Pushing and tagging need nothing of it: see `registry.js`.
 *
 * Every function takes the connector whose identity is used, an ECR registry's host, and a
 * repository there. An image is a tag or a digest. Times are dates, sizes numbers. `wit/ecr.wit`
 * says with which kinds of error each function fails.
 */

import * as contract from "stepyard:step/ecr@0.1.0";

import { call } from "./errors.js";

/**
 * @typedef {{ name: string, arn: string, uri: string, tagMutability: string,
 *   mutabilityExclusions: string[], scansOnPush: boolean, encryption: string, kmsKey?: string,
 *   isNew: boolean }} Repository
 * @typedef {{ digest: string, tags: string[], pushedAt?: Date, size?: number, mediaType?: string }}
 *   Image
 * @typedef {{ name: string, severity: string, description?: string, uri?: string,
 *   packageName?: string, packageVersion?: string, fixedIn?: string }} Finding
 * @typedef {{ status: string, statusDescription?: string, completedAt?: Date,
 *   severityCounts: Map<string, number>, findings: () => Generator<Finding> }} Scan
 * @typedef {{ account: string, region: string, status: string, failureCode?: string }} Replica
 */

const REPOSITORY = [
  "name",
  "arn",
  "uri",
  "tagMutability",
  "mutabilityExclusions",
  "scansOnPush",
  "encryption",
  "kmsKey",
  "isNew",
];
const IMAGE = ["digest", "tags", "pushedAt", "size", "mediaType"];
const FINDING = ["name", "severity", "description", "uri", "packageName", "packageVersion", "fixedIn"];
const REPLICA = ["account", "region", "status", "failureCode"];

/**
 * Describes a repository; nothing where it does not exist.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @returns {Repository | undefined}
 */
export function describeRepository(connector, registry, name) {
  const found = call(contract, "ecr", "describeRepository", connector, registry, name);
  return found && plain(found, REPOSITORY);
}

/**
 * Makes a repository. Where it exists, it is described as it is (`isNew`).
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @param {{ tagMutability?: string, mutabilityExclusions?: string[], scanOnPush?: boolean,
 *   encryption?: string, kmsKey?: string, tags?: Record<string, string> }} [like]
 * @returns {Repository}
 */
export function createRepository(connector, registry, name, like = {}) {
  const settings = new contract.RepositorySettings();
  settings.setTagMutability(like.tagMutability ?? "MUTABLE");
  like.mutabilityExclusions?.forEach((filter) => settings.addMutabilityExclusion(filter));
  settings.setScanOnPush(like.scanOnPush ?? false);
  settings.setEncryption(like.encryption ?? "AES256");
  if (like.kmsKey !== undefined) {
    settings.setKmsKey(like.kmsKey);
  }
  Object.entries(like.tags ?? {}).forEach(([key, value]) => settings.addTag(key, value));
  return plain(call(contract, "ecr", "createRepository", connector, registry, name, settings), REPOSITORY);
}

/**
 * Says which images expire: a JSON text, which replaces the policy before.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @param {string} policy
 */
export function putLifecyclePolicy(connector, registry, name, policy) {
  call(contract, "ecr", "putLifecyclePolicy", connector, registry, name, policy);
}

/**
 * Says who may use the repository: a JSON text in the grammar of IAM.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @param {string} policy
 */
export function setRepositoryPolicy(connector, registry, name, policy) {
  call(contract, "ecr", "setRepositoryPolicy", connector, registry, name, policy);
}

/**
 * Changes whether tags can move.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @param {string} mutability
 * @param {string[]} [exclusions]
 */
export function putTagMutability(connector, registry, name, mutability, exclusions = []) {
  call(contract, "ecr", "putTagMutability", connector, registry, name, mutability, exclusions);
}

/**
 * The images of a repository, those without tags too, in ECR's order, read page by page.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @returns {Generator<Image>}
 */
export function* listImages(connector, registry, name) {
  const list = call(contract, "ecr", "listImages", connector, registry, name);
  yield* pages(list, "next", IMAGE);
}

/**
 * Describes an image; nothing where the repository does not have it.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @param {string} image
 * @returns {Image | undefined}
 */
export function describeImage(connector, registry, name, image) {
  const found = call(contract, "ecr", "describeImage", connector, registry, name, image);
  return found && plain(found, IMAGE);
}

/**
 * Deletes 1 to 100 images, and gives those that are still there, each with ECR's reason. A tag goes
 * alone while others name the image; a digest goes with all its tags.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @param {string[]} images
 * @returns {[string, string][]}
 */
export function deleteImages(connector, registry, name, images) {
  return call(contract, "ecr", "deleteImages", connector, registry, name, images);
}

/**
 * What the last scan of an image says; nothing where it was never scanned. `findings` can be gone
 * through once.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @param {string} image
 * @returns {Scan | undefined}
 */
export function scanFindings(connector, registry, name, image) {
  const scan = call(contract, "ecr", "scanFindings", connector, registry, name, image);
  return (
    scan && {
      status: scan.status(),
      statusDescription: scan.statusDescription(),
      completedAt: dateOf(scan.completedAt()),
      severityCounts: new Map(scan.severityCounts()),
      findings: () => pages(scan, "nextFindings", FINDING),
    }
  );
}

/**
 * Starts a scan of an image and gives its status.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @param {string} image
 * @returns {string}
 */
export function startScan(connector, registry, name, image) {
  return call(contract, "ecr", "startScan", connector, registry, name, image);
}

/**
 * Where an image is replicated to.
 * @param {string} connector
 * @param {string} registry
 * @param {string} name
 * @param {string} image
 * @returns {Replica[]}
 */
export function replicationStatus(connector, registry, name, image) {
  const replicas = call(contract, "ecr", "replicationStatus", connector, registry, name, image);
  return replicas.map((/** @type {any} */ replica) => plain(replica, REPLICA));
}

/**
 * @param {any} list
 * @param {string} next
 * @param {string[]} names
 * @returns {Generator<any>}
 */
function* pages(list, next, names) {
  for (;;) {
    const page = call(list, "ecr", next);
    if (page.length === 0) {
      return;
    }
    for (const entry of page) {
      yield plain(entry, names);
    }
  }
}

/**
 * A value of the resource's methods. The resource is given back at once, because a run has only so
 * many.
 * @param {any} resource
 * @param {string[]} names
 * @returns {any}
 */
function plain(resource, names) {
  /** @type {Record<string, unknown>} */
  const value = {};
  for (const name of names) {
    const found = resource[name]();
    value[name] = name.endsWith("At") ? dateOf(found) : typeof found === "bigint" ? Number(found) : found;
  }
  resource[Symbol.dispose]?.();
  return value;
}

/** @param {string | undefined} text */
function dateOf(text) {
  return text === undefined ? undefined : new Date(text);
}
