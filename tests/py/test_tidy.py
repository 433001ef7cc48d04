"""The rules of the house that no compiler checks, as data, and the checks that read them.

A check takes the root of a tree and returns its findings as ``path:line: what``. The second half
of this file plants one violation per rule and expects it to be found.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# ------------------------------------------------------------------ the rules, as data


@dataclass(frozen=True)
class Layer:
    """What a folder may include, besides the standard library and itself."""

    layers: frozenset[str] = frozenset()
    headers: frozenset[str] = frozenset()  # single headers of layers it may not use otherwise
    third_party: tuple[str, ...] = ()  # beginnings of <...> includes
    system: bool = False  # headers of the operating system


def uses(*layers: str) -> frozenset[str]:
    return frozenset(layers)


ASIO = ("asio.hpp", "asio/")
# The libraries of the adapters. A file may use one of them.
ADAPTER_LIBRARIES = {"asio": ASIO, "rocksdb": ("rocksdb/",), "cereal": ("cereal/",)}

# Folder -> rule. Keys are relative to cpp/.
LAYERS = {
    "dynakv/base": Layer(third_party=("xxhash.h", "tl/expected.hpp")),
    "dynakv/domain": Layer(uses("base")),
    "dynakv/protocol": Layer(uses("base", "domain")),
    "dynakv/adapters": Layer(
        uses("base", "domain", "protocol"),
        third_party=tuple(p for library in ADAPTER_LIBRARIES.values() for p in library),
        system=True,
    ),
    "dynakv/sim": Layer(
        uses("base", "domain", "protocol"),
        headers=uses("dynakv/adapters/memory_store.h", "dynakv/adapters/wire_codec.h"),
    ),
    "dynakv/node": Layer(
        uses("base", "domain", "protocol", "adapters"),
        third_party=(*ASIO, "spdlog/"),
        system=True,
    ),
    "dynakv/bindings": Layer(
        uses("base", "domain", "protocol", "node", "sim"),
        third_party=("pybind11/", "cxxabi.h"),  # the latter for threads that the interpreter ends
    ),
    # The simulator as a program: it puts the real store under the simulated disks.
    "sim_run": Layer(
        uses("base", "domain", "protocol", "sim"),
        headers=uses("dynakv/adapters/rocksdb_store.h"),
        third_party=("rocksdb/",),
    ),
    "tools": Layer(uses("base", "domain")),
    "bench": Layer(
        uses("base", "domain", "protocol", "adapters", "sim", "node"),
        third_party=(*ASIO, "rocksdb/", "xxhash.h"),
        system=True,
    ),
}

# An adapter is the files whose names share their first word (rocksdb_store, rocksdb_keys). No
# adapter includes another one's header, except these: header -> why.
SHARED_ADAPTER_HEADERS: dict[str, str] = {}

# Words that would let the outside world into deterministic code.
DETERMINISTIC = ("dynakv/base", "dynakv/domain", "dynakv/protocol", "dynakv/sim", "sim_run")
BANNED = {
    "clock": r"\b(?:system_clock|steady_clock|high_resolution_clock)\b|\bclock_gettime\b"
    r"|\bgettimeofday\b|\bstd::time\b",
    "thread": r"\bstd::j?thread\b|\bthis_thread\b|#\s*include\s*<(?:thread|future)>",
    "lock": r"\bstd::(?:\w+_)?mutex\b|\bstd::condition_variable|#\s*include\s*<(?:shared_)?mutex>",
    "randomness": r"\brandom_device\b|\bmt19937|\bs?rand\s*\(|#\s*include\s*<random>",
    "environment": r"\b(?:secure_)?getenv\b",
}
# What takes from a random stream: by the stream's own name, and by the helpers that are passed one.
DRAW = r"\b(?:exponential|draw_\w+|\w*random_?\.(?:next|below|between|chance|bytes))\("
UNORDERED = r"\bstd::unordered_"
UNORDERED_EXCUSE = "lookup only"  # a comment on the line or on the one above

LINES_MAX = 500
TEST_LINES_MAX = 700
COLUMNS_MAX = 100
CODE = (".h", ".cc", ".py", ".pyi")

# In every text file. Pieced together, or this file would find itself.
BANNED_ANYWHERE = {
    "unfinished work": r"\b(?:" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3]) + r")\b",
    "path of one machine": r"(?<![\w.])/(?:home|root|work|Users)/\w",
}
BANNED_IN_TESTS = {
    "sleep": r"\bsleep_(?:for|until)\b|\bu?sleep\s*\(|\btime\.sleep\b|from time import.*\bsleep"
}

SKIPPED = {".git", ".venv", "build", "dist", "__pycache__", "testdata", "node_modules"}
TEXT = (*CODE, ".md", ".toml", ".json", ".cmake", ".txt", ".ipynb", ".yaml", ".yml", ".sh", "")

# ------------------------------------------------------------------ reading


def files(root: Path, *under: str, suffixes: tuple[str, ...] = TEXT) -> Iterator[Path]:
    """All files below ``root/under`` with one of the suffixes, in a fixed order."""
    for start in under or (".",):
        for path in sorted((root / start).rglob("*")):
            parts = path.relative_to(root).parts
            hidden = any(part.startswith(".") and part != ".ci" for part in parts)
            skipped = hidden or not SKIPPED.isdisjoint(parts)
            if path.suffix in suffixes and path.is_file() and not skipped:
                yield path


TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<end>[^(\s]*)\(.*?\)(?P=end)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])'",
    re.DOTALL,
)


def code_lines(text: str) -> list[str]:
    """Return the lines of a C++ file without comments and the contents of strings."""
    blank = TOKEN.sub(lambda match: "\n" * match[0].count("\n") or " ", text)
    return blank.splitlines()


def finding(root: Path, path: Path, line: int, what: str) -> str:
    return f"{path.relative_to(root)}:{line}: {what}"


# ------------------------------------------------------------------ the checks

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def includes(path: Path) -> Iterator[tuple[int, bool, str]]:
    """Yield (line, in angle brackets, header)."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, match[1] == "<", match[2]


def check_layers(root: Path) -> list[str]:
    """Includes go to the own layer or to one that the table allows."""
    found = []
    for path in files(root, "cpp", suffixes=(".h", ".cc")):
        folder = path.parent.relative_to(root / "cpp").as_posix()
        layer = LAYERS.get(folder)
        if layer is None:
            found.append(finding(root, path, 1, f"cpp/{folder} is no layer"))
            continue
        for number, angle, header in includes(path):
            if angle:
                wrong = not third_party_allowed(layer, header)
            else:
                target = header.rpartition("/")[0]
                wrong = not (
                    target == folder
                    or target.removeprefix("dynakv/") in layer.layers
                    or header in layer.headers
                )
            if wrong:
                found.append(finding(root, path, number, f"{folder} may not include {header}"))
    return found


def third_party_allowed(layer: Layer, header: str) -> bool:
    if not re.search(r"[./]", header):
        return True  # standard library
    if header.startswith(layer.third_party):
        return True
    libraries = [p for prefixes in ADAPTER_LIBRARIES.values() for p in prefixes]
    libraries += ["spdlog/", "pybind11/", "xxhash.h", "tl/", "gtest/", "boost/", "fmt/", "Python.h"]
    return layer.system and not header.startswith(tuple(libraries))


def check_adapters(root: Path) -> list[str]:
    """One library per file, and no adapter knows another."""
    found = []
    for path in files(root, "cpp/dynakv/adapters", suffixes=(".h", ".cc")):
        libraries = set()
        for number, angle, header in includes(path):
            libraries |= {
                name
                for name, prefixes in ADAPTER_LIBRARIES.items()
                if angle and header.startswith(prefixes)
            }
            folder, _, name = header.rpartition("/")
            allowed = name.split("_")[0] == path.stem.split("_")[0]
            allowed |= header in SHARED_ADAPTER_HEADERS
            if folder == "dynakv/adapters" and not allowed:
                found.append(finding(root, path, number, f"includes another adapter: {header}"))
        if len(libraries) > 1:
            found.append(finding(root, path, 1, f"uses several libraries: {sorted(libraries)}"))
    return found


# A program's main is not part of the core, nor is what RocksDB runs on.
PROGRAMS_MAY = {
    ("cpp/sim_run/sim_main.cc", "clock"): "it prints how fast it ran",
    ("cpp/sim_run/sim_main.cc", "thread"): "it runs seeds side by side, each on one thread",
    ("cpp/sim_run/sim_main.cc", "lock"): "the threads hand over whole results",
    ("cpp/sim_run/memory_env.h", "thread"): "RocksDB's background work; each call waits for it",
    ("cpp/sim_run/memory_env.h", "lock"): "the queue of that work",
    ("cpp/sim_run/memory_env.cc", "thread"): "whether it is that work which wants to rest",
    ("cpp/sim_run/memory_env.cc", "lock"): "the queue of that work",
    ("cpp/sim_run/memory_files.h", "lock"): "that work writes files too",
    ("cpp/sim_run/memory_files.cc", "lock"): "that work writes files too",
}


def check_determinism(root: Path) -> list[str]:
    """No clocks, threads, locks, randomness, environment or hash order in the core."""
    found = []
    for folder in DETERMINISTIC:
        for path in files(root, f"cpp/{folder}", suffixes=(".h", ".cc")):
            text = path.read_text()
            raw = ["", *text.splitlines()]
            for number, line in enumerate(code_lines(text), 1):
                for name, pattern in BANNED.items():
                    excused = (path.relative_to(root).as_posix(), name) in PROGRAMS_MAY
                    if re.search(pattern, line) and not excused:
                        found.append(finding(root, path, number, f"{name} below the adapters"))
                excused = UNORDERED_EXCUSE in raw[number] + raw[number - 1]
                if re.search(UNORDERED, line) and not excused:
                    found.append(finding(root, path, number, "unordered container: hash order"))
                if folder == "dynakv/domain" and re.search(r"\bvirtual\b", line):
                    found.append(finding(root, path, number, "virtual in domain: values only"))
    return found


def end_of_group(text: str, at: int) -> int:
    """Past the bracket that closes the one which ends just before `at`."""
    depth = 1
    while depth > 0 and at < len(text):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return at


def check_draws(root: Path) -> list[str]:
    """No two draws of which each compiler may take the other first: f(draw(), draw())."""
    found = []
    for folder in DETERMINISTIC:
        for path in files(root, f"cpp/{folder}", suffixes=(".h", ".cc")):
            text = "\n".join(code_lines(path.read_text())).replace("::", "__")
            draws = list(re.finditer(DRAW, text))
            for first, second in itertools.pairwise(draws):
                between = text[end_of_group(text, first.end()) : second.start()]
                # In braces, on either side of these, and after a condition, it is the text's order.
                has_order = re.search(r"[?:;{}]|&&|\|\||\)\s+\w", between)
                opened = re.sub(r"\([^(){}]*\)", "", text[: first.start()].rpartition(";")[2])
                in_braces = opened.rfind("{") > opened.rfind("(")
                is_inside = second.start() < end_of_group(text, first.end())
                if not (has_order or in_braces or is_inside) and re.search(r"[-+*/,%]", between):
                    number = text.count("\n", 0, second.start()) + 1
                    found.append(finding(root, path, number, "two draws in no order: name one"))
    return found


def check_sizes(root: Path) -> list[str]:
    """No file too long to read, no line too wide to see."""
    found = []
    for path in files(root, suffixes=(*CODE, ".cmake", ".sh", "")):
        lines = path.read_text().splitlines()
        in_tests = path.relative_to(root).parts[0] == "tests"
        limit = TEST_LINES_MAX if in_tests else LINES_MAX
        if path.suffix in CODE and len(lines) > limit:
            found.append(finding(root, path, len(lines), f"longer than {limit} lines"))
        found += [
            finding(root, path, number, f"wider than {COLUMNS_MAX} columns")
            for number, line in enumerate(lines, 1)
            if len(line) > COLUMNS_MAX
        ]
    return found


def check_words(root: Path) -> list[str]:
    """No unfinished work, no paths of one machine, no sleeping tests."""
    found = []
    for path in files(root):
        banned = dict(BANNED_ANYWHERE)
        if path.relative_to(root).parts[0] == "tests" and path.name != "test_tidy.py":
            banned |= BANNED_IN_TESTS
        for number, line in enumerate(path.read_text().splitlines(), 1):
            found += [
                finding(root, path, number, name)
                for name, pattern in banned.items()
                if re.search(pattern, line)
            ]
    return found


CHECKS = [
    check_layers,
    check_adapters,
    check_determinism,
    check_draws,
    check_sizes,
    check_words,
]

# ------------------------------------------------------------------ the project


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_project_is_tidy(check: Callable[[Path], list[str]]) -> None:
    found = check(ROOT)
    assert not found, "\n" + "\n".join(found)


def test_shared_adapter_headers_exist_and_have_a_reason() -> None:
    for header, reason in SHARED_ADAPTER_HEADERS.items():
        assert (ROOT / "cpp" / header).is_file(), header
        assert reason, header


# ------------------------------------------------------------------ the checks themselves

# path, content, check that must object, words of the objection
PLANTED = [
    ("cpp/dynakv/base/a.h", '#include "dynakv/domain/ring.h"\n', check_layers, "may not include"),
    ("cpp/dynakv/base/a.h", "#include <asio.hpp>\n", check_layers, "may not include asio.hpp"),
    ("cpp/dynakv/domain/a.h", "#include <xxhash.h>\n", check_layers, "may not include xxhash.h"),
    ("cpp/dynakv/domain/a.h", "#include <sys/stat.h>\n", check_layers, "may not include sys"),
    ("cpp/dynakv/domain/a.h", '#include "ring.h"\n', check_layers, "may not include ring.h"),
    ("cpp/dynakv/protocol/a.cc", '#include "dynakv/adapters/x.h"\n', check_layers, "adapters/x.h"),
    (
        "cpp/dynakv/sim/a.cc",
        '#include "dynakv/adapters/rocksdb_store.h"\n',
        check_layers,
        "rocksdb",
    ),
    ("cpp/dynakv/sim/a.cc", '#include "dynakv/node/node.h"\n', check_layers, "node/node.h"),
    ("cpp/dynakv/node/a.cc", '#include "dynakv/sim/sim.h"\n', check_layers, "sim/sim.h"),
    ("cpp/dynakv/node/a.cc", "#include <rocksdb/db.h>\n", check_layers, "rocksdb/db.h"),
    ("cpp/dynakv/bindings/a.cc", '#include "dynakv/adapters/x.h"\n', check_layers, "adapters/x.h"),
    ("cpp/dynakv/helpers/a.h", "int a;\n", check_layers, "is no layer"),
    ("cpp/sim_run/a.cc", '#include "dynakv/node/node.h"\n', check_layers, "node/node.h"),
    ("cpp/sim_run/a.cc", "std::jthread t;\n", check_determinism, "thread"),
    ("cpp/tools/a.cc", '#include "dynakv/node/node.h"\n', check_layers, "node/node.h"),
    (
        "cpp/dynakv/adapters/wire_codec.cc",
        '#include "dynakv/adapters/memory_store.h"\n',
        check_adapters,
        "another adapter",
    ),
    (
        "cpp/dynakv/adapters/wire_codec.cc",
        "#include <asio/buffer.hpp>\n#include <cereal/cereal.hpp>\n",
        check_adapters,
        "several libraries: ['asio', 'cereal']",
    ),
    ("cpp/dynakv/base/a.cc", "auto t = Steady::steady_clock();\n", check_determinism, "clock"),
    ("cpp/dynakv/sim/a.cc", "std::jthread t;\n", check_determinism, "thread"),
    ("cpp/dynakv/protocol/a.h", "std::shared_mutex m;\n", check_determinism, "lock"),
    ("cpp/dynakv/base/a.cc", "#include <random>\n", check_determinism, "randomness"),
    ("cpp/dynakv/base/a.cc", 'auto v = std::getenv("X");\n', check_determinism, "environment"),
    ("cpp/dynakv/domain/a.h", "std::unordered_map<int, int> m;\n", check_determinism, "hash order"),
    ("cpp/dynakv/domain/a.h", "virtual void f();\n", check_determinism, "virtual in domain"),
    ("cpp/dynakv/sim/a.cc", "auto d = exponential(r, m) +\n  draw_x(1);\n", check_draws, ":2"),
    ("cpp/dynakv/base/a.cc", "f(random.below(g(2)), random_.next());\n", check_draws, "no order"),
    ("cpp/dynakv/base/a.cc", "int a;\n" * (LINES_MAX + 1), check_sizes, "longer than 500"),
    ("python/dynakv/a.py", "a = 1\n" * (LINES_MAX + 1), check_sizes, "longer than 500"),
    ("tests/cpp/base/a_test.cc", "int a;\n" * (TEST_LINES_MAX + 1), check_sizes, "than 700"),
    ("cpp/dynakv/base/a.cc", "//" + "x" * COLUMNS_MAX + "\n", check_sizes, "wider than 100"),
    ("cpp/dynakv/base/a.cc", "// FIX" + "ME: later\n", check_words, "unfinished work"),
    ("README.md", "run /home" + "/me/dynakv\n", check_words, "path of one machine"),
    ("dev", "cd /ro" + "ot/dynakv\n", check_words, "path of one machine"),
    ("tests/py/test_a.py", "time.sl" + "eep(1)\n", check_words, "sleep"),
    ("tests/cpp/base/a_test.cc", "std::this_thread::sl" + "eep_for(1s);\n", check_words, "sleep"),
]


def plant(root: Path, path: str, content: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(content)


@pytest.mark.parametrize(("path", "content", "check", "words"), PLANTED)
def test_check_finds_planted_violation(
    tmp_path: Path, path: str, content: str, check: Callable[[Path], list[str]], words: str
) -> None:
    plant(tmp_path, path, content)
    found = check(tmp_path)
    assert len(found) == 1
    assert found[0].startswith(f"{path}:")
    assert words in found[0]


ALLOWED = {
    "cpp/dynakv/base/result.h": "#include <tl/expected.hpp>\n#include <vector>\n",
    "cpp/dynakv/domain/ring.h": (
        '#include "dynakv/base/types.h"\n'
        '// A steady_clock in prose, "std::mutex" too, and std::unordered_map.\n'
        'const char* kText = "std::thread /* not a comment";\n'
        "int separated = 1'000'000;  // lookup only\n"
        "std::unordered_map<int, int> m;\n"
    ),
    "cpp/dynakv/adapters/rocksdb_store.cc": (
        '#include "dynakv/adapters/rocksdb_keys.h"\n#include <rocksdb/db.h>\n#include <fcntl.h>\n'
    ),
    "cpp/dynakv/sim/simulation.cc": '#include "dynakv/adapters/wire_codec.h"\n',
    "cpp/dynakv/sim/draws.cc": (
        "int a = random.chance(1, 2) ? random.below(2) : random.below(3) + 1;\n"
        "if (random_.chance(1, 2) && random_.chance(1, 3)) n = 3 * random_.below(2);\n"
        "f(random_.between(random_.below(2), 4));\n"
        "id = {random.next(), random.next()};\n"
        "int late = draw_lateness(1);\n"
        "int quick = exponential(random, mean) + late;\n"
    ),
    "cpp/sim_run/store.cc": (
        '#include "dynakv/adapters/rocksdb_store.h"\n#include <rocksdb/env.h>\n'
    ),
    "cpp/dynakv/node/node.cc": (
        '#include "dynakv/adapters/asio_transport.h"\n#include <spdlog/spdlog.h>\nstd::mutex m;\n'
    ),
    "build/a.cc": "x" * 200 + "\n",
}


def test_checks_accept_a_tidy_tree(tmp_path: Path) -> None:
    for path, content in ALLOWED.items():
        plant(tmp_path, path, content)
    assert [found for check in CHECKS for found in check(tmp_path)] == []
