// What a step in JavaScript needs beside the functions of the contract.
//
// The functions are modules such as "stepyard:step/registry@0.1.0"; a step can import those that
// `wit/world.wit` names. A call that fails throws an error whose `payload` is one of the contract.

import { beginPhase, write } from "stepyard:step/log@0.1.0";

// componentize-js forgets the class of a resource that has no methods, such as a credential, and looks
// for it by this name (https://github.com/bytecodealliance/ComponentizeJS/issues/221). Its own code
// has a global object of its own, which only a function of it leads to.
write.constructor("return globalThis")().import_types_0_1_0$Credential ??= class Credential {};

/** The person who watches the run. */
export const log = {
  /** Shows a line when asked for. */
  debug: (message) => write("debug", String(message)),
  /** Shows a line. */
  info: (message) => write("info", String(message)),
  /** Shows a line that the person should look at. */
  warn: (message) => write("warn", String(message)),
  /** Shows a line about what makes the step fail. */
  error: (message) => write("error", String(message)),
  /** Says that a new part of the work begins. */
  beginPhase: (name) => beginPhase(String(name)),
};

/** Why the step fails: a kind of the contract, such as `not-found`, or one of your own. */
export class StepError extends Error {
  constructor(kind, message, hint) {
    super(message);
    this.kind = kind;
    this.hint = hint;
  }
}

/** What a run that succeeds leaves. */
export class Outcome {
  outputs = [];
  images = [];

  /** Adds a value for later steps. */
  output(name, value) {
    this.outputs.push({ name, value: String(value) });
    return this;
  }

  /** Adds an image that the step has put into a registry. */
  image(registry, repository, tag, digest) {
    this.images.push({ registry, repository, tag, digest });
    return this;
  }
}

/**
 * Makes a step. Each setting has a JSON schema with a `description`; `required: true` where it must
 * be set, and `default` where it need not. The keyword `x-stepyard` says what the value names, such
 * as `connector`, so that the host lets a run touch what its settings name.
 */
export function step({ name, version, summary, settings, run }) {
  return {
    describe: () => ({ name, version, summary, settingsSchema: JSON.stringify(schemaOf(settings, summary)) }),
    run(text) {
      try {
        const { outputs, images } = run(read(settings, JSON.parse(text)));
        return { outputs, images };
      } catch (error) {
        throw told(error);
      }
    },
  };
}

const KINDS = new Set([
  "denied", "invalid-settings", "not-found", "unauthenticated", "forbidden", "conflict", "throttled", "timed-out",
  "cancelled", "unavailable", "engine-failure", "unsupported",
]);

/** An error of the contract. One that nobody meant to throw is logged with its stack. */
function told(error) {
  if (error?.payload?.kind?.tag) {
    return error.payload;
  }
  if (error instanceof StepError) {
    const kind = KINDS.has(error.kind) ? { tag: error.kind } : { tag: "other", val: error.kind };
    return { kind, message: error.message, hint: error.hint, retryable: false };
  }
  log.error(`${error}\n${error?.stack ?? ""}`);
  return { kind: { tag: "other", val: "exception" }, message: String(error), hint: undefined, retryable: false };
}

function schemaOf(settings, summary) {
  const properties = {};
  const required = [];
  for (const [name, { required: isRequired, ...schema }] of Object.entries(settings)) {
    properties[name] = schema;
    if (isRequired) {
      required.push(name);
    }
  }
  return { type: "object", description: summary, properties, required, additionalProperties: false };
}

/** The settings with their defaults. Every problem is told at once. */
function read(settings, values) {
  const problems = [];
  const known = Object.keys(settings);
  for (const name of Object.keys(values)) {
    if (!known.includes(name)) {
      problems.push(`${name}: no such setting; expected ${either(known)}`);
    }
  }
  const result = {};
  for (const [name, schema] of Object.entries(settings)) {
    const value = values[name];
    if (value === undefined || value === null) {
      if (schema.required) {
        problems.push(`${name}: missing; it is required`);
      }
      result[name] = schema.default;
    } else {
      const problem = problemOf(schema, value);
      if (problem) {
        problems.push(`${name}: ${problem}`);
      }
      result[name] = value;
    }
  }
  if (problems.length > 0) {
    throw new StepError("invalid-settings", problems.join("\n"));
  }
  return result;
}

function either(names) {
  const quoted = names.map((name) => `\`${name}\``);
  return quoted.length < 3 ? quoted.join(" or ") || "none" : `one of ${quoted.join(", ")}`;
}

const EXPECTED = {
  string: ["a string", (value) => typeof value === "string"],
  integer: ["an integer", Number.isInteger],
  number: ["a number", (value) => typeof value === "number"],
  boolean: ["a boolean", (value) => typeof value === "boolean"],
  array: ["a list", Array.isArray],
  object: ["a mapping", (value) => typeof value === "object" && !Array.isArray(value)],
};

function problemOf(schema, value) {
  const [expected, fits] = EXPECTED[schema.type] ?? ["anything", () => true];
  if (!fits(value)) {
    return `found ${found(value)}; expected ${expected}`;
  }
  return schema.type === "array"
    ? value.map((item) => problemOf(schema.items ?? {}, item)).find(Boolean)
    : undefined;
}

function found(value) {
  switch (typeof value) {
    case "boolean":
      return `boolean \`${value}\``;
    case "number":
      return Number.isInteger(value) ? `integer \`${value}\`` : `floating point \`${value}\``;
    case "string":
      return `string ${JSON.stringify(value)}`;
    default:
      return Array.isArray(value) ? "a list" : "a mapping";
  }
}
