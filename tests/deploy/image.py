"""What deploy/Dockerfile says, done without Docker: each stage in a layer over this machine's own files.

It needs to be root, because a layer is an overlay and a step runs with it as its root directory.
"""

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_PYTHON = Path(sys.executable).resolve()
_SECONDS = 300
# Of their own: no folder of this machine's is within a layer that is thrown away.
_DEVICES = {"null": 3, "zero": 5, "random": 8, "urandom": 9}


def system(*command: str) -> None:
    """Run a command of this machine's, which has to succeed."""
    subprocess.run([shutil.which(command[0]) or command[0], *command[1:]], check=True, capture_output=True)


def overlay(upper: Path, work: Path, target: Path) -> list[str]:
    """What `mount` needs to know for a layer over this machine's files."""
    options = f"lowerdir=/,upperdir={upper},workdir={work}"
    return ["-t", "overlay", "overlay", "-o", options, str(target)]


@dataclass
class Stage:
    """A stage of the image: its steps in their order, `(word, rest)` as in `("RUN", "pip install …")`."""

    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        """What stands behind each `word`."""
        return [rest for found, rest in self.steps if found == word]


def stages(text: str) -> list[Stage]:
    """The stages of a Dockerfile."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found: list[Stage] = []
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            found.append(Stage(rest.rpartition(" AS ")[2]))
        elif found:
            found[-1].steps.append((word, rest))
    return found


def ignored(context: Path) -> Callable[[str, list[str]], set[str]]:
    """What .dockerignore keeps out of the context's first level, and what it keeps out of every level."""
    lines = (context / ".dockerignore").read_text().splitlines()
    given = {line[1:] for line in lines if line.startswith("!")}
    everywhere = {line.removeprefix("**/") for line in lines if line.startswith("**/")}

    def leave_out(folder: str, names: list[str]) -> set[str]:
        first = {name for name in names if name not in given} if Path(folder) == context else set()
        return first | (set(names) & everywhere)

    return leave_out


class Layer:
    """A stage while it is built, and what is run in it: its root directory is an overlay at `root`."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.variables = {"PATH": f"{_PYTHON.parent}:/usr/bin:/bin", "HOME": "/"}
        self.place = "/"
        self.user = 0
        upper, work = folder / "upper", folder / "work"
        for made in (self.root, upper, work):
            made.mkdir(parents=True)
        system("mount", *overlay(upper, work, self.root))
        system("mount", "-t", "proc", "proc", str(self.root / "proc"))
        for name, minor in _DEVICES.items():
            device = self.root / "dev" / name
            device.unlink(missing_ok=True)
            os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
            device.chmod(0o666)
        # The base image has a Python that everybody may run; this machine's may lie in somebody's home.
        for parent in _PYTHON.parents[:-1]:
            (self.root / parent.relative_to("/")).chmod(0o755)

    def inside(self, path: str) -> Path:
        """Where a path of the image lies on this machine."""
        return self.root / os.path.normpath(Path(self.place, path)).lstrip("/")

    def shut(self) -> None:
        """Have nothing written but below /tmp."""
        (self.inside("/tmp")).chmod(0o1777)  # noqa: S108 - that of the image
        system("mount", "-t", "tmpfs", "tmpfs", str(self.inside("/tmp")))  # noqa: S108 - the same
        system("mount", "-o", "remount,ro", str(self.root))

    def start(self, command: list[str], **variables: str) -> subprocess.Popen[str]:
        """Run a command as the stage's user, in its directory, with its variables and these."""

        def enter() -> None:
            os.chroot(self.root)
            os.chdir(self.place)
            if self.user:
                os.setgroups([])
                os.setgid(self.user)
                os.setuid(self.user)

        given = {**self.variables, **variables}
        places = "" if "/" in command[0] else ":".join(str(self.inside(p)) for p in given["PATH"].split(":"))
        found = shutil.which(command[0], path=places) if places else str(self.inside(command[0]))
        assert found is not None, command
        program = f"/{Path(found).relative_to(self.root)}"
        return subprocess.Popen(
            [program, *command[1:]],
            env=given,
            preexec_fn=enter,  # noqa: PLW1509 - nothing else runs in this process's threads
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command: list[str], **variables: str) -> str:
        """What a command says, which has to succeed."""
        with self.start(command, **variables) as process:
            said, _ = process.communicate(timeout=_SECONDS)
        assert process.returncode == 0, said[-2000:]
        return said

    def close(self) -> None:
        """Take the mounts away."""
        for path in (self.inside("/tmp"), self.root):  # noqa: S108 - the same
            if os.path.ismount(path):
                system("umount", "--recursive", str(path))


@contextmanager
def built(dockerfile: Path, context: Path, folder: Path, **network: str) -> Iterator[tuple[Stage, Layer]]:
    """The last stage of a Dockerfile and its layer; `network` are variables for the steps that fetch."""
    layers: dict[str, Layer] = {}
    try:
        for number, stage in enumerate(stages(dockerfile.read_text())):
            layer = layers[stage.name] = Layer(folder / str(number))
            for word, rest in stage.steps:
                _do(layer, word, rest, context, layers, network)
        yield stage, layer
    finally:
        for layer in layers.values():
            layer.close()


def _do(
    layer: Layer, word: str, rest: str, context: Path, layers: dict[str, Layer], network: dict[str, str]
) -> None:
    if word == "ENV":
        for pair in shlex.split(rest):
            name, _, text = pair.partition("=")
            layer.variables[name] = text.replace("$PATH", layer.variables["PATH"])
    elif word == "WORKDIR":
        layer.place = rest
        layer.inside(rest).mkdir(parents=True, exist_ok=True)
    elif word == "USER":
        layer.user = int(rest.partition(":")[0])
    elif word == "RUN":
        layer.run(["/bin/sh", "-c", rest], **network)
    elif word == "COPY":
        _copy(layer, shlex.split(rest), context, layers)


def _copy(layer: Layer, words: list[str], context: Path, layers: dict[str, Layer]) -> None:
    source, target = words[-2:]
    stage = re.fullmatch(r"--from=(\w+)", words[0])
    if stage is not None:
        shutil.copytree(layers[stage[1]].inside(source), layer.inside(target), symlinks=True)
    elif (context / source).is_dir():
        leave_out = ignored(context)
        shutil.copytree(context / source, layer.inside(target), ignore=leave_out, dirs_exist_ok=True)
    else:
        assert source not in ignored(context)(str(context), [source])
        shutil.copy(context / source, layer.inside(target))
