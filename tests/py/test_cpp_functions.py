"""C++ functions stay short and take few parameters: a ratchet, whose list may only shrink."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.py.cpp_functions import Function, functions  # noqa: E402
from tests.py.test_tidy import code_lines, files  # noqa: E402

LINES_MAX = 70
PARAMETERS_MAX = 4

# Functions beyond a limit, with their lines and parameters. One that grows, and a new one, fails;
# one that got better is taken out, or down to its new figures.
BEYOND = {
    # Python names these arguments where it calls.
    "cpp/dynakv/bindings/bind_client.cc: get": (15, 7),
    "cpp/dynakv/bindings/bind_client.cc: put": (25, 11),
    "cpp/dynakv/bindings/bind_client.cc: remove": (14, 8),
    "cpp/dynakv/bindings/bind_client.cc: connect": (16, 7),
    "cpp/dynakv/bindings/bind_layout.cc: make_member": (14, 5),
    "cpp/dynakv/bindings/bind_node.cc: start": (30, 16),
    "cpp/dynakv/bindings/bind_sim.cc: make": (28, 12),
    "cpp/dynakv/bindings/client_handle.cc: status_fields": (25, 5),
    "cpp/dynakv/bindings/client_handle.cc: reply_to_python": (17, 5),
    # RocksDB's signatures.
    "cpp/sim_run/memory_env.cc: MemoryEnv::Schedule": (8, 5),
    "cpp/sim_run/memory_env_files.h: read_into": (8, 6),
    "tests/cpp/domain/causality_exhaustive_test.cc: try_step": (23, 7),
    "tests/cpp/domain/membership_test.cc: state_of": (8, 5),
    "tests/cpp/support/causality_model.h: finish_write": (14, 7),
}


def functions_of(path: Path) -> list[Function]:
    lines = code_lines(path.read_text())
    in_macro = False
    for number, line in enumerate(lines):
        is_directive = in_macro or line.lstrip().startswith("#")
        in_macro = is_directive and line.rstrip().endswith("\\")
        if is_directive:
            lines[number] = ""
    return list(functions("\n".join(lines)))


def beyond(function: Function) -> bool:
    return function.lines > LINES_MAX or function.parameters > PARAMETERS_MAX


def test_functions_are_short_and_take_few_parameters() -> None:
    found: dict[str, tuple[int, int]] = {}
    total = 0
    for folder in ("cpp", "tests/cpp"):
        for path in files(ROOT, folder, suffixes=(".h", ".cc")):
            for function in functions_of(path):
                total += 1
                if beyond(function):
                    key = f"{path.relative_to(ROOT).as_posix()}: {function.name}"
                    known = found.get(key, (0, 0))
                    found[key] = (
                        max(known[0], function.lines),
                        max(known[1], function.parameters),
                    )
    assert total > 2000, "the parser finds hardly any functions"
    worse = {
        key: figures
        for key, figures in found.items()
        if figures[0] > max(LINES_MAX, BEYOND.get(key, (0, 0))[0])
        or figures[1] > max(PARAMETERS_MAX, BEYOND.get(key, (0, 0))[1])
    }
    assert not worse, f"more than {LINES_MAX} lines or {PARAMETERS_MAX} parameters: {worse}"
    better = {
        key: found.get(key)
        for key, figures in BEYOND.items()
        if key not in found or found[key][1] < figures[1]
    }
    assert not better, f"better than listed; take them out of BEYOND or down: {better}"


SNIPPET = """
namespace dynakv {
class Box : public Base {
 public:
  explicit Box(int a, std::map<int, int> b = {}) : a_{a}, b_(std::move(b)) {}
  bool operator==(const Box&) const = default;
  Box& operator=(const Box& other) {
    a_ = other.a_;
    return *this;
  }
  template <typename T, typename U>
  void take(std::pair<T, U> pair, void (*done)(int, int), int more) const override {
    if (more > 0) {
      for (int i = 0; i < more; ++i) done(i, i);
    }
  }

 private:
  int a_ = 0;
  std::vector<int> list_{1, 2, 3};
};

const auto kTable = std::array{1, 2, 3};
enum class Kind : int { one, two };

Result<std::optional<int>> Box::find(
    int a, int b, int c,
    int d, int e) {
  return {};
}
}
"""


def test_the_parser_reads_what_the_house_writes() -> None:
    read = [(f.name, f.lines, f.parameters) for f in functions(SNIPPET)]
    assert read == [
        ("Box", 1, 2),
        ("operator=", 4, 1),
        ("take", 6, 3),
        ("Box::find", 5, 5),
    ]


@pytest.mark.parametrize(
    ("within", "too_much"),
    [
        (
            "void f(int a, int b, int c, int d) {\n}\n",
            "void f(int a, int b, int c, int d, int e) {\n}",
        ),
        ("void f() {\n" + "  g();\n" * 68 + "}\n", "void f() {\n" + "  g();\n" * 69 + "}\n"),
    ],
)
def test_the_limits_are_where_they_are_said_to_be(within: str, too_much: str) -> None:
    assert [beyond(function) for function in functions(within + too_much)] == [False, True]
