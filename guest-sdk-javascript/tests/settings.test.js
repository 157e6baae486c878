// How settings are read: `node --test`.

import assert from "node:assert/strict";
import { test } from "node:test";

import { read, schemaOf } from "../settings.js";

const SETTINGS = {
  name: { type: "string", description: "A name.", required: true },
  tags: { type: "array", items: { type: "text" }, default: [] },
  limits: { type: "object", properties: { memory: { type: "string", required: true } } },
};

test("every problem is told at once with its path", () => {
  const given = { tags: ["a", 1.5], limits: { cpu: "1" }, tag: "x" };
  assert.throws(() => read(SETTINGS, given), {
    kind: "invalid-settings",
    message: [
      "tag: no such setting; expected one of `name`, `tags`, `limits`",
      "name: missing; it is required",
      "tags[1]: found floating point `1.5`; expected text (a number with a decimal point goes in quotes)",
      "limits.cpu: no such setting; expected `memory`",
      "limits.memory: missing; it is required",
    ].join("\n"),
  });
  assert.throws(() => read(SETTINGS, []), { message: "settings: found a list; expected a mapping" });
});

test("settings that fit are read with their defaults", () => {
  assert.deepEqual(read(SETTINGS, { name: "a", limits: null }), { name: "a", tags: [], limits: undefined });
  assert.deepEqual(read(SETTINGS, { name: "a", tags: [1, true] }).tags, ["1", "true"]);
});

test("the schema says what is required and allows nothing else", () => {
  const schema = schemaOf(SETTINGS, "Greets");
  assert.deepEqual(schema.required, ["name"]);
  assert.equal(schema.additionalProperties, false);
  assert.deepEqual(schema.properties.tags.items.type, ["string", "integer", "boolean"]);
});
