// Which functions of the contract a component imports: `node --test`.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { noteCalls, writeContract } from "../make-component.js";

/** The files of the contract that a step with this source is built with. */
function contractFor(source) {
  const called = new Set();
  noteCalls(source, called);
  const folder = mkdtempSync(join(tmpdir(), "contract-"));
  try {
    writeContract(join(import.meta.dirname, "..", "..", "wit"), called, folder);
    return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test("a step that only logs imports only the log", () => {
  const files = contractFor('import { log } from "./stepyard-sdk/index.js"; log.info("registry.tag");');
  assert.deepEqual(Object.keys(files).sort(), ["log.wit", "types.wit", "world.wit"]);
  assert.doesNotMatch(files["world.wit"], /import ecr/);
});

test("functions are kept by each way to call them", () => {
  for (const source of [
    'import * as registry from "./stepyard-sdk/registry.js"; [...registry.listTags(a)];',
    'import * as images from "./stepyard-sdk/registry.js"; images.listTags(a);',
    'import { listTags as all } from "./stepyard-sdk/registry.js"; all(a);',
    'import { listTags } from "stepyard:step/registry@0.1.0"; listTags(a);',
  ]) {
    const registry = contractFor(source)["registry.wit"];
    assert.match(registry, /list-tags: func/);
    assert.doesNotMatch(registry, /copy: func|record manifest/);
  }
});

test("something else of the same name keeps nothing", () => {
  const source = 'import * as registry from "./stepyard-sdk/registry.js"; other.registry.tag(a);';
  assert.equal(contractFor(source)["registry.wit"], undefined);
});

test("a build request has the setters that are called", () => {
  const source = `import * as build from "./stepyard-sdk/build.js";
    const request = build.request(); request.setContext("app"); build.build(request);`;
  const build = contractFor(source)["build.wit"];
  assert.match(build, /set-context/);
  assert.doesNotMatch(build, /add-ssh-agent|push: func/);
});
