/** Image Rules: holds an image in a registry to rules about its annotations and its base image. */

import { Outcome, StepError, defineStep, log } from "./stepyard-sdk/index.js";
import * as auth from "./stepyard-sdk/auth.js";
import * as registry from "./stepyard-sdk/registry.js";

const BASE_NAME = "org.opencontainers.image.base.name";

export const { describe, run } = defineStep({
  name: "image-rules",
  version: "0.1.0",
  summary: "Holds an image in a registry to rules about its annotations and its base image",
  settings: {
    connectorRef: {
      type: "string",
      description: "The connector to read with. Without it the image is read anonymously.",
      "x-stepyard": "connector",
    },
    image: {
      type: "string",
      description: "The image: registry/repository:tag or registry/repository@digest.",
      required: true,
      "x-stepyard": "pull-image",
    },
    requiredAnnotations: {
      type: "object",
      description:
        "Annotations that the image must have, each with a regular expression that its whole value must match; with an empty one any value will do.",
      additionalProperties: { type: "text" },
      default: {},
    },
    allowedBases: {
      type: "array",
      description: `Names that the base image may have, by the annotation ${BASE_NAME}. \`*\` stands for any characters. Without it any base will do.`,
      items: { type: "string" },
    },
  },
  check: checkSettings,
  run(settings) {
    const credential =
      settings.connectorRef === undefined
        ? auth.anonymous(registryOf(settings.image))
        : auth.login(settings.connectorRef, registryOf(settings.image));
    const found = registry.resolve(settings.image, credential);
    if (found === undefined) {
      throw new StepError("not-found", `${settings.image} is not in the registry`, {
        hint: "push it before this step, or correct `image`",
      });
    }
    const images = imagesOf(settings.image, found.digest, credential);
    const violations = images.flatMap((image) => violationsOf(image, settings));
    if (violations.length > 0) {
      log.error(`What breaks the rules:\n${table(violations)}`);
      throw new StepError(
        "rules-violated",
        `${settings.image} (${found.digest}) breaks the rules in ${counted(violations.length, "place")}`,
        { hint: "the table in the log says what each platform has; set annotations when it is built" },
      );
    }
    log.info(`${settings.image} keeps the rules on ${counted(images.length, "platform")}`);
    return new Outcome().output("digest", found.digest).output("platforms", images.length);
  },
});

/**
 * Notes what the schema cannot say is wrong.
 * @param {any} settings
 * @param {import("./stepyard-sdk/index.js").Problems} problems
 */
function checkSettings({ image, requiredAnnotations, allowedBases }, problems) {
  if (!/^[a-z0-9.-]+(:\d+)?\/[a-z0-9._/-]+(:[\w.-]+|@sha256:[0-9a-f]{64})$/i.test(image)) {
    problems.add("image", `found "${image}"; expected registry/repository:tag or registry/repository@digest`);
  }
  for (const [name, expression] of Object.entries(requiredAnnotations)) {
    try {
      whole(expression);
    } catch (/** @type {any} */ error) {
      problems.add(`requiredAnnotations.${name}`, `${error.message}; expected a regular expression of JavaScript`);
    }
  }
  if (Object.keys(requiredAnnotations).length === 0 && !allowedBases) {
    problems.add("requiredAnnotations", "there is no rule; expected an annotation here, or `allowedBases`");
  }
}

/** @param {string} expression */
function whole(expression) {
  return new RegExp(`^(?:${expression})$`, "u");
}

/** @param {string} image */
function registryOf(image) {
  return image.slice(0, image.indexOf("/"));
}

/**
 * An image of one platform, with the annotations of its index, its entry there, and its own, the
 * later before the earlier.
 * @typedef {{ platform: string, annotations: Record<string, string> }} PlatformImage
 */

/**
 * The images that a digest names: one, or those of an index without its attestations.
 * @param {string} image
 * @param {string} digest
 * @param {import("./stepyard-sdk/auth.js").Credential} credential
 * @returns {PlatformImage[]}
 */
function imagesOf(image, digest, credential) {
  const repository = image.includes("@") ? image.slice(0, image.indexOf("@")) : image.replace(/:[^:/]*$/, "");
  /** @param {string} one */
  const read = (one) => JSON.parse(registry.textOf(registry.getManifest(`${repository}@${one}`, credential)));
  const top = read(digest);
  if (!top.manifests) {
    return [{ platform: "-", annotations: { ...top.annotations } }];
  }
  const images = top.manifests.filter(
    (/** @type {any} */ entry) => entry.annotations?.["vnd.docker.reference.type"] !== "attestation-manifest",
  );
  return images.map((/** @type {any} */ entry) => {
    const { os, architecture, variant } = entry.platform ?? {};
    return {
      platform: [os, architecture, variant].filter(Boolean).join("/") || entry.digest.slice(0, 19),
      annotations: { ...top.annotations, ...entry.annotations, ...read(entry.digest).annotations },
    };
  });
}

/**
 * What an image breaks, as rows of the table.
 * @param {PlatformImage} image
 * @param {any} settings
 * @returns {string[][]}
 */
function violationsOf({ platform, annotations }, { requiredAnnotations, allowedBases }) {
  const rows = [];
  for (const [name, expression] of Object.entries(requiredAnnotations)) {
    const value = annotations[name];
    if (value === undefined) {
      rows.push([platform, name, "nothing", expression || "any value"]);
    } else if (expression && !whole(expression).test(value)) {
      rows.push([platform, name, value, expression]);
    }
  }
  const base = annotations[BASE_NAME];
  if (allowedBases && !allowedBases.some((/** @type {string} */ name) => fits(base ?? "", name))) {
    rows.push([platform, BASE_NAME, base ?? "nothing", allowedBases.join(" or ")]);
  }
  return rows;
}

/**
 * Whether a name is of a form in which `*` stands for any characters.
 * @param {string} name
 * @param {string} form
 */
function fits(name, form) {
  const parts = form.split("*").map((part) => part.replaceAll(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return whole(parts.join(".*")).test(name);
}

/**
 * Rows in columns of the same width.
 * @param {string[][]} rows
 */
function table(rows) {
  const all = [["platform", "annotation", "found", "expected"], ...rows];
  const widths = all[0].map((_, place) => Math.max(...all.map((row) => row[place].length)));
  const lines = all.map((row) => row.map((cell, place) => cell.padEnd(widths[place])).join("  ").trimEnd());
  return lines.join("\n");
}

/**
 * @param {number} count
 * @param {string} what
 */
function counted(count, what) {
  return count === 1 ? `1 ${what}` : `${count} ${what}s`;
}
