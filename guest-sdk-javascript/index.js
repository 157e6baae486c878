/**
 * Write a step of Stepyard in JavaScript.
 *
 * What a step can reach beside the log is in the modules `auth.js`, `registry.js`, `ecr.js` and
 * `build.js`. Import one as `import * as registry from "./stepyard-sdk/registry.js"` and call its
 * functions as `registry.resolve(…)`: the component asks its user for the functions that are called
 * so, and for no others.
 */

import * as log from "./log.js";
import { StepError } from "./errors.js";
import { read, schemaOf } from "./settings.js";

export { log, StepError };
export { Problems } from "./settings.js";

/** What a run that succeeded leaves: outputs for later steps, and the images that it has pushed. */
export class Outcome {
  /** @type {{ name: string, value: string }[]} */
  outputs = [];
  /** @type {{ registry: string, repository: string, tag: string, digest: string }[]} */
  images = [];

  /**
   * Adds a value for later steps, one line of text, under a variable's name.
   * @param {string} name
   * @param {string | number | bigint | boolean} value
   */
  output(name, value) {
    this.outputs.push({ name, value: String(value) });
    return this;
  }

  /**
   * Adds an image that the step has put into a registry and the registry has confirmed.
   * @param {string} registry
   * @param {string} repository
   * @param {string} tag
   * @param {string} digest
   */
  image(registry, repository, tag, digest) {
    this.images.push({ registry, repository, tag, digest });
    return this;
  }
}

/**
 * Makes a step: `export const { describe, run } = defineStep({ … })`.
 *
 * @template {Record<string, import("./settings.js").Setting>} Declared
 * @param {object} step
 * @param {string} step.name Such as `scan-images`.
 * @param {string} step.version A semantic version.
 * @param {string} step.summary One sentence.
 * @param {Declared} step.settings The settings by name, each a JSON schema with a `description`;
 *   `required: true` where it must be set, and a `default` where it need not.
 * @param {(settings: import("./settings.js").Values<Declared>, problems: import("./settings.js").Problems) => void} [step.check]
 *   Notes what the schemas cannot say is wrong with the settings. It is called before `run`.
 * @param {(settings: import("./settings.js").Values<Declared>) => Outcome} step.run
 *   Does the work. A `StepError` that is thrown is told to the user as it is.
 */
export function defineStep({ name, version, summary, settings, check, run }) {
  return {
    describe() {
      const settingsSchema = JSON.stringify(schemaOf(settings, summary));
      return { name, version, summary, settingsSchema };
    },
    /** @param {string} text */
    run(text) {
      try {
        const { outputs, images } = run(read(settings, JSON.parse(text), check));
        return { outputs, images };
      } catch (error) {
        throw (error instanceof StepError ? error : uncaught(error)).toContract();
      }
    },
  };
}

/**
 * The error of an exception that nobody handled, whose stack is logged.
 * @param {any} error
 */
function uncaught(error) {
  const stack = String(error?.stack ?? "").split("\n");
  // The engine's own frames say nothing to the author.
  const frames = stack.filter((frame) => frame && !frame.includes("/initializer.js:"));
  log.error([String(error), ...frames.map((frame) => `    at ${frame}`)].join("\n"));
  const own = frames.find((frame) => !/(stepyard-sdk|guest-sdk-javascript)\//.test(frame));
  const place = own?.split("@").pop();
  return new StepError("exception", place ? `${error} (${place})` : String(error), {
    hint: "the step has a fault: tell its author, with the stack in the log",
  });
}
