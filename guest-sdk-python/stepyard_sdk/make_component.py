"""Makes a component of the Python files in a folder: `python stepyard_sdk/make_component.py`.

The component imports the functions of the contract that the step calls, and no others, because
its user decides by its imports whether to trust it. componentize-py imports whatever the
contract has, so it is given a copy of the contract that has only what is called: `auth.login` is
where a file calls `auth.login(...)`, or imports `login` from `stepyard_sdk.auth`.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

INTERFACES = ("auth", "build", "ecr", "registry")
SDK = Path(__file__).resolve().parent
SKIPPED = {"cases", "tests", "wit", "stepyard_sdk", "node_modules", "wit_world"}


def main() -> int:
    """Builds what the arguments say, and gives the exit code."""
    parser = argparse.ArgumentParser(description="Makes a component of a step in Python.")
    parser.add_argument("output", type=Path, nargs="?", help="[default: PROJECT/step.wasm]")
    parser.add_argument("--project", type=Path, default=Path("."), help="the folder with step.py")
    parser.add_argument("--wit", type=Path, help="the folder of the contract [default: PROJECT/wit]")
    parser.add_argument("--module", default="step", help="the module that has WitWorld")
    arguments = parser.parse_args()
    contract = arguments.wit or arguments.project / "wit"
    output = arguments.output or arguments.project / "step.wasm"
    if not (contract / "world.wit").is_file():
        parser.error(f"{contract} has no world.wit; give the folder of the contract with --wit")
    called = called_in(arguments.project)
    with tempfile.TemporaryDirectory() as folder:
        write_contract(contract, called, Path(folder))
        # Beside this Python where it is one of a virtual environment, else wherever it is.
        folders = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
        command = ["componentize-py", "--wit-path", folder, "--world", "step", "componentize"]
        command += ["--python-path", str(arguments.project), "--python-path", str(SDK.parent)]
        command += [arguments.module, "--output", str(output)]
        environment = {**os.environ, "PATH": os.pathsep.join(folders)}
        try:
            return subprocess.run(command, env=environment, check=False).returncode
        except FileNotFoundError:
            parser.error(
                "componentize-py is not installed; run `pip install -r requirements.txt` in a "
                "virtual environment and this with its Python"
            )


def called_in(project: Path) -> set[str]:
    """What the files of a project call of the contract: `registry.resolve`, and methods as `.push`."""
    called: set[str] = set()
    for path in sorted(project.rglob("*.py")):
        parts = path.relative_to(project).parts
        if SKIPPED.isdisjoint(parts) and not any(part.startswith(".") for part in parts):
            called |= called_by(ast.parse(path.read_text(encoding="utf-8"), str(path)))
    return called


def called_by(source: ast.AST) -> set[str]:
    """What one file calls."""
    names: dict[str, str] = {}
    called: set[str] = set()
    for node in ast.walk(source):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        package, _, module = node.module.rpartition(".")
        for alias in node.names:
            if node.module in ("stepyard_sdk", "wit_world.imports") and alias.name in INTERFACES:
                names[alias.asname or alias.name] = alias.name
            elif package in ("stepyard_sdk", "wit_world.imports") and module in INTERFACES:
                called.add(f"{module}.{alias.name}")
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute):
            called.add(f".{node.attr}")
            if isinstance(node.value, ast.Name) and node.value.id in names:
                called.add(f"{names[node.value.id]}.{node.attr}")
    if "build.push" in called:
        called.add(".push")
    return called


def write_contract(contract: Path, called: set[str], folder: Path) -> None:
    """Writes a copy of the contract with the interfaces and functions that are called."""
    kept = {"log", "types"}
    for path in sorted(contract.glob("*.wit")):
        text = re.sub(r"//.*", "", path.read_text(encoding="utf-8"))
        if path.stem in INTERFACES:
            text, has_functions = reduced(text, path.stem, called)
            if not has_functions:
                continue
            kept.add(path.stem)
        (folder / path.name).write_text(text, encoding="utf-8")
    world = folder / "world.wit"
    text = re.sub(
        r"\bimport ([a-z-]+);",
        lambda found: found[0] if found[1] in kept else "",
        world.read_text(encoding="utf-8"),
    )
    world.write_text(text, encoding="utf-8")


def reduced(text: str, interface: str, called: set[str]) -> tuple[str, bool]:
    """An interface with the functions that are called and the types that they need."""
    start, end = text.index("{", text.index(f"interface {interface}")) + 1, text.rindex("}")
    functions, uses, types = [], [], {}
    for item in items(text[start:end]):
        words = item.split(None, 2)
        if words[0] == "use":
            uses.append(item)
        elif words[0] in ("resource", "record", "variant", "enum", "flags", "type"):
            types[words[1].rstrip(";{")] = item
        elif f"{interface}.{python_name(words[0].rstrip(':'))}" in called:
            functions.append(item)
    needed = list(functions)
    # A type that a kept item names is kept, and so are those that it names. `needed` grows here.
    for item in needed:
        for word in re.findall(r"[a-z][a-z0-9-]*", item):
            if word in types:
                needed.append(with_methods(types.pop(word), interface, called))
    return text[:start] + "\n".join(uses + needed) + text[end:], bool(functions)


def with_methods(item: str, interface: str, called: set[str]) -> str:
    """A type; of the resources of `build` with the methods that are called. Those of `ecr` are read
    by the SDK."""
    if interface != "build" or not item.startswith("resource") or "{" not in item:
        return item
    head, _, body = item.partition("{")
    methods = [
        method
        for method in items(body.rpartition("}")[0])
        if method.startswith("constructor")
        or f".{python_name(method.partition(':')[0])}" in called
    ]
    return f"{head}{{{' '.join(methods)}}}"


def items(body: str) -> list[str]:
    """The declarations in the body of an interface or resource."""
    found, depth, start = [], 0, 0
    for place, character in enumerate(body):
        depth += (character == "{") - (character == "}")
        # `use a.{b};` ends with its semicolon, and a type with its bracket.
        is_end = character == ";" or (character == "}" and not body[start:].lstrip().startswith("use"))
        if depth == 0 and is_end:
            found.append(body[start : place + 1].strip())
            start = place + 1
    return found


def python_name(name: str) -> str:
    """The name that componentize-py gives a function."""
    return name.strip().replace("-", "_")


if __name__ == "__main__":
    sys.exit(main())
