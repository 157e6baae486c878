/** Errors, of the contract's calls and of the step itself. */

const KINDS = new Set([
  "denied",
  "invalid-settings",
  "not-found",
  "unauthenticated",
  "forbidden",
  "conflict",
  "throttled",
  "timed-out",
  "cancelled",
  "unavailable",
  "engine-failure",
  "unsupported",
]);

/**
 * Why a call of the contract failed, or why the step does.
 *
 * `kind` is for a program to act on: one of the contract's, such as `denied`, `not-found`,
 * `conflict` or `unavailable` (`wit/types.wit` has them all), or one of the step's own. A step may
 * let an error of a call pass as it is; its kind is kept.
 */
export class StepError extends Error {
  /**
   * @param {string} kind
   * @param {string} message
   * @param {{ hint?: string, retryable?: boolean }} [further] `hint` says what the person can do.
   */
  constructor(kind, message, { hint, retryable = false } = {}) {
    super(message);
    this.name = "StepError";
    this.kind = kind;
    this.hint = hint;
    this.retryable = retryable;
  }

  /**
   * The same error, with what the step was doing in front of its message.
   * @param {string} context
   */
  withContext(context) {
    return new StepError(this.kind, `${context}: ${this.message}`, this);
  }

  /** The error as `run` returns it. */
  toContract() {
    const { kind, message, hint, retryable } = this;
    const tagged = KINDS.has(kind) ? { tag: kind } : { tag: "other", val: kind };
    return { kind: tagged, message, hint, retryable };
  }
}

/**
 * Calls a function of the contract, whose error is thrown as a `StepError`.
 *
 * @param {any} holder The module of the contract, or a resource of it.
 * @param {string} place What holds the function, for a person.
 * @param {string} name
 * @param {...unknown} values
 * @returns {any}
 */
export function call(holder, place, name, ...values) {
  if (typeof holder[name] !== "function") {
    throw new TypeError(
      `the component does not import ${place}.${name}, because no file of the step calls it by ` +
        `this name; write \`${place}.${name}(…)\` where it is called, and build again`,
    );
  }
  try {
    return holder[name](...values);
  } catch (/** @type {any} */ error) {
    const told = error?.payload;
    if (told?.kind?.tag === undefined) {
      throw error;
    }
    const { kind, message, hint, retryable } = told;
    throw new StepError(kind.tag === "other" ? kind.val : kind.tag, message, { hint, retryable });
  }
}
