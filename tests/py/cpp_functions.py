"""Finds the functions that C++ sources define, with their lines and parameters.

It reads text that clang-format has laid out, not the language: braces that follow a space open a
scope, braces that follow a name directly initialise something. What it cannot read as a function
(macros that open one, for instance) it leaves out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

OPENING = {"(": ")", "[": "]", "{": "}"}
NO_FUNCTION = re.compile(
    r"\s*(?:namespace|class|struct|enum|union|extern)\b|.*\benum class\b", re.S
)
# A name directly before "(", with the classes and namespaces that it is in.
NAME = re.compile(
    r"((?:[\w~]+(?:<[^()]*>)?\s*::\s*)*(?:operator\s*[^\s\w(]+|operator\s*\(\)|~?\w+))$"
)
ACCESS = re.compile(r"\s*(?:public|private|protected):")
NO_NAME = {"if", "for", "while", "switch", "catch", "requires", "decltype", "alignas", "noexcept"}


@dataclass(frozen=True)
class Function:
    name: str
    line: int  # where its head begins
    lines: int
    parameters: int


def close_of(text: str, at: int) -> int:
    """The place of the bracket that closes the one at `at`."""
    stack = [OPENING[text[at]]]
    while stack and at + 1 < len(text):
        at += 1
        if text[at] == stack[-1]:
            stack.pop()
        elif text[at] in OPENING:
            stack.append(OPENING[text[at]])
    return at


def count_parameters(text: str) -> int:
    """Of what stands between the brackets of a parameter list."""
    if text.strip() in ("", "void"):
        return 0
    depth = 0
    count = 1
    for before, char in zip(" " + text, text, strict=False):
        if char in "([{<":
            depth += 1
        elif char in ")]}" or (char == ">" and before != "-"):
            depth -= 1
        elif char == "," and depth == 0:
            count += 1
    return count


def parse_head(head: str) -> tuple[str, int] | None:
    """Name and number of parameters, when the text before a scope's brace begins a function."""
    if NO_FUNCTION.match(head) and "(" not in head.split("{")[0].split(":")[0]:
        return None
    at = 0
    while (at := head.find("(", at)) >= 0:
        name = NAME.search(head[:at].rstrip())
        assigned = re.search(r"(?<![=!<>])=(?!=)", re.sub(r"operator\s*\S+$", "", head[:at]))
        if assigned:
            return None
        if name and name[1].split("::")[-1].strip() not in NO_NAME:
            if re.fullmatch(r"operator", name[1].split("::")[-1].strip()):
                at = close_of(head, at) + 1  # operator()
                continue
            inside = head[at + 1 : close_of(head, at)]
            return re.sub(r"\s+", "", name[1]), count_parameters(inside)
        at = close_of(head, at) + 1
    return None


def functions(code: str) -> Iterator[Function]:
    """Of code without comments, texts and preprocessor lines (newlines kept)."""
    begin = 0  # of the head that is being read
    at = 0
    while at < len(code):
        char = code[at]
        if char in ";}":
            begin = at + 1
        elif char in "([" or (char == "{" and not code[at - 1].isspace()):
            at = close_of(code, at)
        elif char == "{":
            label = ACCESS.search(code, begin, at)
            begin = label.end() if label else begin
            head = code[begin:at]
            found = parse_head(head)
            end = close_of(code, at)
            if found:
                start = begin + len(head) - len(head.lstrip())
                line = code.count("\n", 0, start) + 1
                yield Function(found[0], line, code.count("\n", start, end) + 1, found[1])
                begin = end + 1
                at = end
            elif re.search(r"(?<![=!<>])=\s*$", head):
                at = end
            else:
                begin = at + 1
        at += 1
