/** A step that greets. */

import { Outcome, defineStep, log } from "./stepyard-sdk/index.js";

export const { describe, run } = defineStep({
  name: "my-step",
  version: "0.1.0",
  summary: "Greets",
  settings: {
    name: { type: "string", description: "Whom to greet.", required: true },
  },
  run({ name }) {
    log.info(`Hello, ${name}!`);
    return new Outcome().output("greeted", name);
  },
});
