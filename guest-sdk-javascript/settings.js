/** Settings: their JSON schema, and reading them with clear errors. */

import { StepError } from "./errors.js";

/**
 * A setting, as a JSON schema. A `text` is written as text, a whole number or a truth value in YAML,
 * and arrives as text. `x-stepyard` says what the value names, such as `connector` or
 * `ecr-repository`, so that a host can let a run touch what its settings name and nothing else.
 *
 * @typedef {object} Setting
 * @property {"string" | "text" | "integer" | "number" | "boolean" | "array" | "object"} type
 * @property {string} [description]
 * @property {boolean} [required]
 * @property {any} [default]
 * @property {readonly unknown[]} [enum] The values that there are.
 * @property {number} [minimum]
 * @property {Setting} [items] What an `array` holds.
 * @property {Setting} [additionalProperties] What an `object` holds under names of the user's choice.
 * @property {Record<string, Setting>} [properties] What an `object` holds otherwise.
 * @property {string} [x-stepyard]
 */

/**
 * The values of settings, as `run` gets them.
 * @template {Record<string, Setting>} Declared
 * @typedef {{ [Name in keyof Declared]: any }} Values
 */

/** Collects what is wrong with settings, so that one error reports it all. */
export class Problems {
  /** @type {string[]} */
  lines = [];

  /**
   * Notes a problem of the setting at `path`, such as `tags[1]`, in the form `what is wrong;
   * expected …`.
   * @param {string} path
   * @param {string} problem
   */
  add(path, problem) {
    this.lines.push(`${path}: ${problem}`.replaceAll(/[\r\n]+/g, " "));
  }

  /** Throws an error of the kind `invalid-settings` where something was noted. */
  throwAny() {
    if (this.lines.length > 0) {
      throw new StepError("invalid-settings", this.lines.join("\n"));
    }
  }
}

/**
 * The JSON schema of settings.
 * @param {Record<string, Setting>} settings
 * @param {string} description
 */
export function schemaOf(settings, description) {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    ...schemaOfOne({ type: "object", description, properties: settings }),
  };
}

/**
 * @param {Setting} setting
 * @returns {object}
 */
function schemaOfOne({ required, type, items, properties, additionalProperties, ...rest }) {
  /** @type {Record<string, unknown>} */
  const schema = { type: type === "text" ? ["string", "integer", "boolean"] : type, ...rest };
  if (items) {
    schema.items = schemaOfOne(items);
  }
  if (additionalProperties) {
    schema.additionalProperties = schemaOfOne(additionalProperties);
  }
  if (properties) {
    const all = Object.entries(properties);
    schema.properties = Object.fromEntries(all.map(([name, one]) => [name, schemaOfOne(one)]));
    schema.required = all.filter(([, one]) => one.required).map(([name]) => name);
    schema.additionalProperties = false;
  }
  return schema;
}

/**
 * The settings with their defaults.
 * @template {Record<string, Setting>} Declared
 * @param {Declared} settings
 * @param {unknown} given
 * @param {(settings: Values<Declared>, problems: Problems) => void} [check]
 * @returns {Values<Declared>}
 */
export function read(settings, given, check) {
  const problems = new Problems();
  const values = readOne({ type: "object", properties: settings }, given, "", problems);
  problems.throwAny();
  check?.(values, problems);
  problems.throwAny();
  return values;
}

/** What each type is called, and whether a value is of it. @type {Record<string, [string, (value: any) => boolean]>} */
const TYPES = {
  string: ["a string", (value) => typeof value === "string"],
  text: [
    "text (a number with a decimal point goes in quotes)",
    (value) => ["string", "boolean"].includes(typeof value) || Number.isInteger(value),
  ],
  integer: ["an integer", Number.isInteger],
  number: ["a number", (value) => typeof value === "number"],
  boolean: ["a boolean", (value) => typeof value === "boolean"],
  array: ["a list", Array.isArray],
  object: ["a mapping", (value) => shown(value) === "a mapping"],
};

/**
 * @param {Setting} setting
 * @param {any} value
 * @param {string} path
 * @param {Problems} problems
 * @returns {any}
 */
function readOne(setting, value, path, problems) {
  const [expected, fits] = TYPES[setting.type];
  if (!fits(value)) {
    problems.add(path || "settings", `found ${shown(value)}; expected ${expected}`);
    return undefined;
  }
  if (setting.enum && !setting.enum.includes(value)) {
    const known = setting.enum.map((one) => `\`${one}\``).join(", ");
    problems.add(path, `found ${shown(value)}; expected one of ${known}`);
  }
  if (setting.minimum !== undefined && value < setting.minimum) {
    problems.add(path, `found ${shown(value)}; expected at least ${setting.minimum}`);
  }
  if (setting.type === "text") {
    return String(value);
  }
  if (setting.items) {
    const { items } = setting;
    return value.map((/** @type {any} */ one, /** @type {number} */ place) =>
      readOne(items, one, `${path}[${place}]`, problems),
    );
  }
  if (setting.properties) {
    return readNamed(setting.properties, value, path && `${path}.`, problems);
  }
  if (setting.additionalProperties) {
    const { additionalProperties } = setting;
    const all = Object.entries(value);
    return Object.fromEntries(
      all.map(([name, one]) => [name, readOne(additionalProperties, one, `${path}.${name}`, problems)]),
    );
  }
  return value;
}

/**
 * @param {Record<string, Setting>} settings
 * @param {Record<string, unknown>} given
 * @param {string} path
 * @param {Problems} problems
 */
function readNamed(settings, given, path, problems) {
  const names = Object.keys(settings);
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) {
      const known = names.map((one) => `\`${one}\``).join(", ");
      problems.add(path + name, `no such setting; expected ${names.length > 1 ? "one of " : ""}${known}`);
    }
  }
  /** @type {Record<string, unknown>} */
  const values = {};
  for (const [name, setting] of Object.entries(settings)) {
    const value = given[name] ?? undefined;
    // A setting without a value is one that is not there, as people comment values out.
    if (value !== undefined) {
      values[name] = readOne(setting, value, path + name, problems);
    } else if (setting.required) {
      problems.add(path + name, "missing; it is required");
    } else {
      values[name] = setting.default;
    }
  }
  return values;
}

/**
 * A value of JSON in a few words.
 * @param {any} value
 */
function shown(value) {
  if (value === null || value === undefined) {
    return "nothing";
  }
  switch (typeof value) {
    case "boolean":
      return `boolean \`${value}\``;
    case "number":
      return `${Number.isInteger(value) ? "integer" : "floating point"} \`${value}\``;
    case "string":
      return `string "${value.length <= 40 ? value : `${value.slice(0, 40)}…`}"`;
    default:
      return Array.isArray(value) ? "a list" : "a mapping";
  }
}
