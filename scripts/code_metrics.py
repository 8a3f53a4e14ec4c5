"""The metrics that the product's code records, read from its sources."""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("shared", "services", "tools/fin")
CALL = re.compile(r"\b(counter|gauge|histogram)!\(")
DESCRIBE = re.compile(r'describe_(?:counter|gauge|histogram)!\(\s*("?\w+"?)\s*,[^,]+,\s*"((?:[^"\\]|\\.)*)"', re.S)
DOC = re.compile(r"^\s*//[/!] ?(.*)$")
DOC_NAME = re.compile(r"(?:[-*] )?`([a-z][a-z0-9_]+)(?:\{[^}]*\})?`(?:, [^:]*)?: (.*)")


@dataclass
class Metric:
    """One metric: what it is called, its kind, labels, meaning, and the file that records it."""

    name: str
    kind: str
    place: str
    labels: set[str] = field(default_factory=set)
    text: str = ""


def product_code(file: Path) -> str:
    """The file's text up to its unit tests."""
    return file.read_text().split("#[cfg(test)]")[0]


def arguments(code: str, start: int) -> str:
    """What stands between the parenthesis that ends before `start` and the one that closes it."""
    depth, at = 1, start
    while depth and at < len(code):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        at += 1
    return code[start : at - 1]


def labels_of(call: str, before: str) -> set[str]:
    """The labels of one call; a variable `labels` is looked up in the code before it."""
    if "&labels" in call:
        arrays = re.findall(r"let labels = \[(.*?)\];", before, re.S)
        return set(re.findall(r'\("(\w+)",', arrays[-1])) if arrays else set()
    return set(re.findall(r'"(\w+)"\s*=>', call))


def described(code: str, constants: dict[str, str]) -> dict[str, str]:
    """Meanings that a file gives: by describe_…!, or in a doc comment as `name`: text."""
    texts = {}
    for name, text in DESCRIBE.findall(code):
        texts[constants.get(name, name.strip('"'))] = text
    current = None
    for line in code.splitlines():
        doc = DOC.match(line)
        named = doc and DOC_NAME.match(doc[1])
        if named:
            current = named[1]
            texts[current] = named[2].strip()
        elif doc and current and doc[1].strip() and not doc[1].startswith(("#", "`", "-")):
            texts[current] += " " + doc[1].strip()
        else:
            current = None
    return texts


def find(root: Path = ROOT) -> dict[str, Metric]:
    """Every metric by name. Raises ValueError where a name cannot be told from the source."""
    metrics: dict[str, Metric] = {}
    texts: dict[str, str] = {}
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("src/**/*.rs")):
            code = product_code(file)
            constants = dict(re.findall(r'const (\w+): &str = "([a-z0-9_]+)"', code))
            texts |= described(code, constants)
            uncommented = re.sub(r"^\s*//.*$", "", code, flags=re.M)
            for call in CALL.finditer(uncommented):
                inside = arguments(uncommented, call.end())
                first = inside.split(",")[0].strip()
                name = first.strip('"') if first.startswith('"') else constants.get(first.split("::")[-1])
                if name is None:
                    raise ValueError(f"{file.relative_to(root)}: the name in {call[1]}!({first}, …) is no literal or constant")
                metric = metrics.setdefault(name, Metric(name, call[1], str(file.relative_to(root))))
                metric.labels |= labels_of(inside, uncommented[: call.start()])
    for metric in metrics.values():
        metric.text = texts.get(metric.name, "")
    return dict(sorted(metrics.items()))
