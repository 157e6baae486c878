"""Which functions of the contract a component imports."""

import ast
import sys
import tempfile
import unittest
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "guest-sdk-python" / "stepyard_sdk"))

import make_component  # noqa: E402


def contract_for(source: str) -> dict[str, str]:
    """The files of the contract that a step with this source is built with."""
    called = make_component.called_by(ast.parse(source))
    with tempfile.TemporaryDirectory() as folder:
        make_component.write_contract(REPOSITORY / "wit", called, Path(folder))
        return {path.stem: path.read_text() for path in Path(folder).glob("*.wit")}


class MakeComponentTest(unittest.TestCase):
    def test_a_step_that_only_logs_imports_only_the_log(self) -> None:
        files = contract_for("from stepyard_sdk import log\nlog.info('registry.tag')")
        self.assertEqual(set(files), {"log", "types", "world"})
        self.assertNotIn("import ecr", files["world"])

    def test_functions_are_kept_by_each_way_to_call_them(self) -> None:
        for source in (
            "from stepyard_sdk import registry\nregistry.resolve(a, b)",
            "from stepyard_sdk import registry as images\nimages.resolve(a, b)",
            "from stepyard_sdk.registry import resolve\nresolve(a, b)",
            "from wit_world.imports import registry\nregistry.resolve(a, b)",
        ):
            registry = contract_for(source)["registry"]
            self.assertIn("resolve: func", registry)
            self.assertNotIn("tag: func", registry)
            self.assertNotIn("record manifest", registry)

    def test_something_else_of_the_same_name_keeps_nothing(self) -> None:
        self.assertNotIn("registry", contract_for("import registry\nregistry.tag(a)"))

    def test_the_types_of_a_kept_function_are_kept(self) -> None:
        ecr = contract_for("from stepyard_sdk import ecr\necr.list_images(a, b, c)")["ecr"]
        self.assertIn("resource image-list", ecr)
        self.assertIn("resource image {", ecr)
        self.assertNotIn("resource scan", ecr)

    def test_a_build_request_has_the_setters_that_are_called(self) -> None:
        build = contract_for(
            "from stepyard_sdk import build\nrequest = build.Request()\n"
            "request.set_context('app')\nbuild.push(build.build(request), a, b)"
        )["build"]
        self.assertIn("set-context", build)
        self.assertIn("push: func", build)
        self.assertNotIn("add-ssh-agent", build)


if __name__ == "__main__":
    unittest.main()
