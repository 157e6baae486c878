/**
 * Makes a component of the JavaScript files in a folder: `node stepyard-sdk/make-component.js`.
 *
 * The component imports the functions of the contract that the step calls, and no others, because
 * its user decides by its imports whether to trust it. componentize-js imports whatever the contract
 * has, so it is given a copy of the contract that has only what is called: `auth.login` is where a
 * file calls `auth.login(…)`, or imports `login` of `auth.js`.
 */

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { parseArgs } from "node:util";

const INTERFACES = ["auth", "build", "ecr", "registry"];
const SKIPPED = ["cases", "tests", "wit", "stepyard-sdk", "node_modules", "types"];

/** Builds what the arguments say, and gives the exit code. */
function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      project: { type: "string", default: "." },
      wit: { type: "string" },
      module: { type: "string", default: "step.js" },
    },
  });
  const project = resolve(values.project);
  const output = resolve(positionals[0] ?? join(project, "step.wasm"));
  const contract = values.wit ?? join(project, "wit");
  if (!existsSync(join(contract, "world.wit"))) {
    return complaint(`${contract} has no world.wit; give the folder of the contract with --wit`);
  }
  const tool = join(project, "node_modules", ".bin", "componentize-js");
  if (!existsSync(tool)) {
    return complaint(`${tool} is not there; run \`npm install\` in ${project}`);
  }
  const folder = mkdtempSync(join(tmpdir(), "step-contract-"));
  try {
    writeContract(contract, calledIn(project), folder);
    // The tool reads no file above the folder that it runs in, and the SDK may stand beside the project.
    const cwd = commonFolder(project, import.meta.dirname);
    const step = [relative(cwd, join(project, values.module)), "--wit", folder, "--world-name", "step"];
    // With them the component would need HTTP, which a step has not.
    const without = ["--disable", "http", "fetch-event"];
    const done = spawnSync(tool, [...step, "--out", output, ...without], { cwd, stdio: "inherit" });
    return done.status ?? 1;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/**
 * The innermost folder that has both.
 * @param {string} one
 * @param {string} other
 */
function commonFolder(one, other) {
  let folder = one;
  while (relative(folder, other).startsWith("..")) {
    folder = dirname(folder);
  }
  return folder;
}

/** @param {string} message */
function complaint(message) {
  console.error(message);
  return 2;
}

/**
 * What the files of a project call of the contract: `registry.resolve`, and methods as `.push`.
 * @param {string} folder
 * @param {Set<string>} [called]
 */
function calledIn(folder, called = new Set()) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (SKIPPED.includes(entry.name) || entry.name.startsWith(".")) {
      continue;
    }
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      calledIn(path, called);
    } else if (/\.m?js$/.test(entry.name)) {
      noteCalls(readFileSync(path, "utf8"), called);
    }
  }
  if (called.has("build.push")) {
    called.add(".push");
  }
  if (called.has("build.request")) {
    called.add("build.build");
  }
  return called;
}

/**
 * What one file calls.
 * @param {string} source
 * @param {Set<string>} called
 */
export function noteCalls(source, called) {
  const imports = /\bimport\s+(?:\*\s+as\s+([\w$]+)|\{([^}]*)\})\s+from\s+["'][^"']*\/(\w+)(?:\.js|@[\d.]+)["']/g;
  for (const [, name, list, module] of source.matchAll(imports)) {
    if (!INTERFACES.includes(module)) {
      continue;
    }
    for (const part of list?.split(",") ?? []) {
      called.add(`${module}.${part.trim().split(/\s+/)[0]}`);
    }
    if (name !== undefined) {
      // Not as a property of something else, but behind the dots of a spread.
      const uses = new RegExp(`(?<![\\w$]|(?<!\\.\\.)\\.)${name.replaceAll("$", "\\$")}\\s*\\.\\s*(\\w+)`, "g");
      for (const [, used] of source.matchAll(uses)) {
        called.add(`${module}.${used}`);
      }
    }
  }
  for (const [, used] of source.matchAll(/\.\s*(\w+)/g)) {
    called.add(`.${used}`);
  }
}

/**
 * Writes a copy of the contract with the interfaces and functions that are called.
 * @param {string} contract
 * @param {Set<string>} called
 * @param {string} folder
 */
export function writeContract(contract, called, folder) {
  const kept = new Set(["log", "types"]);
  for (const name of readdirSync(contract).filter((one) => one.endsWith(".wit") && one !== "world.wit")) {
    const text = readFileSync(join(contract, name), "utf8").replaceAll(/\/\/.*/g, "");
    const interfaceName = basename(name, ".wit");
    const reducedText = INTERFACES.includes(interfaceName) ? reduced(text, interfaceName, called) : text;
    if (reducedText !== undefined) {
      kept.add(interfaceName);
      writeFileSync(join(folder, name), reducedText);
    }
  }
  const world = readFileSync(join(contract, "world.wit"), "utf8");
  const reducedWorld = world.replaceAll(/\bimport ([a-z-]+);/g, (line, name) => (kept.has(name) ? line : ""));
  writeFileSync(join(folder, "world.wit"), reducedWorld);
}

/**
 * An interface with the functions that are called and the types that they need; nothing where none
 * is called.
 * @param {string} text
 * @param {string} name
 * @param {Set<string>} called
 */
function reduced(text, name, called) {
  const start = text.indexOf("{", text.indexOf(`interface ${name}`)) + 1;
  const end = text.lastIndexOf("}");
  const uses = [];
  const needed = [];
  /** @type {Map<string, string>} */
  const types = new Map();
  for (const item of itemsOf(text.slice(start, end))) {
    const [first, second] = item.split(/\s+/, 2);
    if (first === "use") {
      uses.push(item);
    } else if (["resource", "record", "variant", "enum", "flags", "type"].includes(first)) {
      types.set(second.replace(/[;{]$/, ""), item);
    } else if (called.has(`${name}.${nameInJavaScript(first)}`)) {
      needed.push(item);
    }
  }
  if (needed.length === 0) {
    return undefined;
  }
  // A type that a kept item names is kept, and so are those that it names. `needed` grows here.
  for (const item of needed) {
    for (const [word] of item.matchAll(/[a-z][a-z0-9-]*/g)) {
      const type = types.get(word);
      if (type !== undefined) {
        types.delete(word);
        needed.push(withMethods(type, name, called));
      }
    }
  }
  return text.slice(0, start) + [...uses, ...needed].join("\n") + text.slice(end);
}

/**
 * A type; of the resources of `build` with the methods that are called. Those of `ecr` are read by
 * the SDK.
 * @param {string} item
 * @param {string} interfaceName
 * @param {Set<string>} called
 */
function withMethods(item, interfaceName, called) {
  const start = item.indexOf("{");
  if (interfaceName !== "build" || !item.startsWith("resource") || start < 0) {
    return item;
  }
  const methods = itemsOf(item.slice(start + 1, item.lastIndexOf("}"))).filter(
    (method) => method.startsWith("constructor") || called.has(`.${nameInJavaScript(method.split(":")[0])}`),
  );
  return `${item.slice(0, start)}{${methods.join(" ")}}`;
}

/**
 * The declarations in the body of an interface or resource.
 * @param {string} body
 */
function itemsOf(body) {
  const found = [];
  let depth = 0;
  let start = 0;
  for (let place = 0; place < body.length; place += 1) {
    const character = body[place];
    depth += Number(character === "{") - Number(character === "}");
    // `use a.{b};` ends with its semicolon, and a type with its bracket.
    const isUse = body.slice(start, place).trimStart().startsWith("use");
    if (depth === 0 && (character === ";" || (character === "}" && !isUse))) {
      found.push(body.slice(start, place + 1).trim());
      start = place + 1;
    }
  }
  return found;
}

/**
 * The name that componentize-js gives a function.
 * @param {string} name
 */
function nameInJavaScript(name) {
  return name.trim().replace(/:$/, "").replaceAll(/-(\w)/g, (_, letter) => letter.toUpperCase());
}

if (realpathSync(process.argv[1]) === import.meta.filename) {
  process.exitCode = main();
}
