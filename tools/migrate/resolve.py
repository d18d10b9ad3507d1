"""Decide, over all files together, which uses move and which stay, and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from tools.dropin import DropIn
from tools.migrate.facts import FileFacts, Use

MOVES = "moves"
STAYS = "stays"
FOLLOWS = "follows"
WARNING = "warning"


@dataclass(frozen=True)
class Finding:
    """One use, the function it reaches, and what happens to it.

    `fate` is `moves` (an edit rewrites it), `follows` (its import moves, or it goes through a module that
    moves), `stays` (left alone, `reason` says why) or `warning` (a patch that compiled code does not see).
    """

    file: str
    use: Use
    function: str
    fate: str
    reason: str = ""


@dataclass
class _Context:
    settings: DropIn
    files: Mapping[str, FileFacts]
    exports: dict[str, dict[str, str]] = field(default_factory=dict)
    stars: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def follow(self, path: str, depth: int = 0) -> str:
        """Return the dotted path that `path` finally names, through re-exports and star imports."""
        module, _, name = path.rpartition(".")
        if depth > 20 or not module or path in self._originals:
            return path
        if module in self.exports and name in self.exports[module]:
            target = self.exports[module][name]
            return path if target == path else self.follow(target, depth + 1)
        for star in self.stars.get(module, ()):
            through = self.follow(f"{star}.{name}", depth + 1)
            if through in self._originals:
                return through
        parent = self.follow(module, depth + 1)
        return path if parent == module else self.follow(f"{parent}.{name}", depth + 1)

    @property
    def _originals(self) -> set[str]:
        return {f"{home}.{f.name}" for f in self.settings.functions.values() for home in f.homes}

    def function(self, path: str) -> str:
        """Return the name of the function that `path` finally names, or an empty string."""
        final = self.follow(path)
        return final.rpartition(".")[2] if final in self._originals else ""


def reexported_names(settings: DropIn, files: Mapping[str, FileFacts]) -> set[str]:
    """Return the names, beyond the functions' own, under which modules re-export them."""
    context = _context(settings, files)
    return {
        name
        for module, exports in context.exports.items()
        for name in exports
        if name not in settings.functions and context.function(f"{module}.{name}")
    }


def resolve(settings: DropIn, files: Mapping[str, FileFacts]) -> list[Finding]:
    """Return what happens to every use, in the order of files and lines."""
    context = _context(settings, files)
    findings = [
        finding
        for file, facts in files.items()
        for use in facts.uses
        if (finding := _first_look(context, file, facts, use)) is not None
    ]
    findings = _respect_patches_inside(findings)
    return _respect_patches_of(findings)


def _context(settings: DropIn, files: Mapping[str, FileFacts]) -> _Context:
    exports = {facts.module: dict(facts.exports) for facts in files.values()}
    return _Context(settings, files, exports, {facts.module: facts.stars for facts in files.values()})


def _first_look(context: _Context, file: str, facts: FileFacts, use: Use) -> Finding | None:
    """Judge one use by itself."""
    homes = context.settings.homes
    own = homes.get(facts.module, set())
    if use.kind == "star":
        return _star(context, file, facts, use)
    warned = _unseen(context, file, use)
    if warned is not None:
        return warned
    if use.kind == "string" and context.follow(use.path) in homes:
        return Finding(file, use, "", STAYS, "names the module in a string; what is taken from it is unknown")
    function = context.function(use.path)
    if not function:
        return None
    if use.path.startswith(f"{facts.module}.") and function in own:
        return Finding(file, use, function, STAYS, "inside the module that defines it")
    if use.problem:
        return Finding(file, use, function, STAYS, use.problem)
    return _by_kind(context, file, use, function)


def _by_kind(context: _Context, file: str, use: Use, function: str) -> Finding:
    module = use.path.rpartition(".")[0]
    direct = module in context.settings.homes
    if use.kind == "name":
        return Finding(file, use, function, FOLLOWS)
    if use.kind == "import":
        if not direct:
            return _through(context, file, use, function, module)
        return Finding(file, use, function, MOVES)
    if use.kind == "string":
        return Finding(file, use, function, STAYS, "a string outside a patching call")
    if use.kind == "patch":
        return _patch(context, file, use, function, module)
    if not direct:
        return _through(context, file, use, function, module)
    return Finding(file, use, function, MOVES)


def _through(context: _Context, file: str, use: Use, function: str, module: str) -> Finding:
    """Judge a use that goes through another module of the code base."""
    if use.path.rpartition(".")[2] in context.exports.get(module, {}):
        return Finding(file, use, function, FOLLOWS, f"through {module}, whose import moves")
    return Finding(file, use, function, STAYS, f"reached through {module}, not through its own module")


def _patch(context: _Context, file: str, use: Use, function: str, module: str) -> Finding:
    """Judge a patch: of the home module's name, or of a copy of the name elsewhere."""
    if context.follow(module) in context.settings.homes:
        if use.edits:
            return Finding(file, use, function, MOVES)
        return Finding(file, use, function, STAYS, "patches the original in a form that cannot be rewritten")
    copy = replace(use, kind="binding")
    return Finding(file, copy, function, FOLLOWS, f"patches the name in {module}, which is still there")


def _star(context: _Context, file: str, facts: FileFacts, use: Use) -> Finding | None:
    """Judge a bare name that only a star import can bring."""
    for star in facts.stars:
        function = context.function(f"{star}.{use.path}")
        if not function:
            continue
        use = replace(use, path=f"{star}.{use.path}")
        if star in context.settings.homes:
            return Finding(file, use, function, MOVES)
        return Finding(file, use, function, STAYS, f"comes through the star import of {star}")
    return None


def _unseen(context: _Context, file: str, use: Use) -> Finding | None:
    """Recognise a patch of something the original looks up and compiled code does not."""
    if use.kind != "patch":
        return None
    path = context.follow(use.path)
    for home in context.settings.homes:
        tail = path.removeprefix(home + ".")
        if tail != path and "." in tail:
            path = tail
    names = [f.name for f in context.settings.functions.values() if path in f.unseen]
    if not names:
        return None
    seen_by = " and ".join(names)
    reason = f"native {seen_by} does not see a patch of {path}"
    flag = context.settings.flag
    advice = f"; patch {names[0]} itself" + (f", or run the test with {flag}=0" if flag else "")
    return Finding(file, use, ",".join(names), WARNING, reason + advice)


def _respect_patches_inside(findings: Iterable[Finding]) -> list[Finding]:
    """Leave a function alone in files that patch what only the original looks up."""
    findings = list(findings)
    blocked: dict[tuple[str, str], int] = {}
    for finding in findings:
        if finding.fate == WARNING:
            for name in finding.function.split(","):
                blocked.setdefault((finding.file, name), finding.use.line)
    result = []
    for finding in findings:
        line = blocked.get((finding.file, finding.function))
        if line is not None and finding.fate == MOVES:
            reason = f"line {line} patches what only the original looks up"
            finding = replace(finding, fate=STAYS, reason=reason)
        result.append(finding)
    return result


def _respect_patches_of(findings: list[Finding]) -> list[Finding]:
    """Move callers and the patches aimed at them together, or neither.

    A patch of `home.function` reaches callers that look the name up there at each call. When one of these
    callers must stay, both the patch and the others stay too, else a test would patch too little.
    """
    patches: dict[str, list[Finding]] = defaultdict(list)
    anchored: dict[str, Finding] = {}
    for finding in findings:
        if finding.use.kind == "patch" and finding.fate in (MOVES, STAYS):
            patches[finding.function].append(finding)
            if finding.fate == STAYS:
                anchored.setdefault(finding.function, finding)
        elif finding.fate == STAYS and (finding.use.nested or "defines it" in finding.reason):
            anchored.setdefault(finding.function, finding)
    result = []
    for finding in findings:
        anchor = anchored.get(finding.function)
        if finding.fate == MOVES and anchor is not None and patches[finding.function]:
            patch = patches[finding.function][0]
            if finding.use.kind == "patch":
                reason = f"the use at {anchor.file}:{anchor.use.line} stays, and needs this patch"
                finding = replace(finding, fate=STAYS, reason=reason)
            elif finding.use.nested:
                reason = (
                    f"{patch.file}:{patch.use.line} patches it, and the use at {anchor.file}:{anchor.use.line} stays"
                )
                finding = replace(finding, fate=STAYS, reason=reason)
        result.append(finding)
    return result
