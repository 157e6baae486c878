/**
 * What a step tells the person who watches it. What is written with `console` is shown too.
 */

import { beginPhase as begin, write } from "stepyard:step/log@0.1.0";

/**
 * Shows a line when asked for.
 * @param {unknown} message
 */
export function debug(message) {
  write("debug", String(message));
}

/**
 * Shows a line, or several that belong together.
 * @param {unknown} message
 */
export function info(message) {
  write("info", String(message));
}

/**
 * Shows something that the person should look at, though the step goes on.
 * @param {unknown} message
 */
export function warn(message) {
  write("warn", String(message));
}

/**
 * Shows something that makes the step fail.
 * @param {unknown} message
 */
export function error(message) {
  write("error", String(message));
}

/**
 * Says that a new part of the work begins, such as "Push".
 * @param {string} name
 */
export function beginPhase(name) {
  begin(name);
}
