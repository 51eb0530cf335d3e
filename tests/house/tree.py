"""What every check shares: the files of the tree, the rooms, C++ text without comments, and the way to report."""
import os
import re
import subprocess
import sys

# Lowest floor first. A room's files are those below its folder.
ROOMS = ("common/base", "common/model", "common/expr", "common/cron", "common/flow", "common/queue", "common/store", "common/trace",
         "common/wire", "executor", "scheduler", "worker", "api", "cli")

_SKIPPED = {".git", "build", "node_modules", "__pycache__", ".cache"}


def files(root, *suffixes):
    """Paths below root, relative, that git tracks or would track; a tree without git is walked."""
    try:
        listed = subprocess.run(["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                capture_output=True, check=True).stdout.decode().split("\0")
        top = subprocess.run(["git", "-C", root, "rev-parse", "--show-toplevel"],
                             capture_output=True, check=True).stdout.decode().strip()
        if not os.path.samefile(top, root):
            raise OSError("not the top of a checkout")
        found = [path for path in listed if path and os.path.isfile(os.path.join(root, path))]
    except (OSError, subprocess.CalledProcessError):
        found = []
        for folder, names, leaves in os.walk(root):
            names[:] = [n for n in names if n not in _SKIPPED and not n.startswith("build-")]
            found += [os.path.relpath(os.path.join(folder, leaf), root) for leaf in leaves]
    return sorted(set(path for path in found if not suffixes or path.endswith(suffixes)))


def room_of(path):
    """The room a path lies in, or None."""
    for room in ROOMS:
        if path.startswith(room + "/"):
            return room
    return None


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


_TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|R"(?P<tag>[^ ()\\\n]{0,16})\((?:.|\n)*?\)(?P=tag)"'
                    r"|\"(?:\\.|[^\"\\\n])*\"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.S)


def code_only(text):
    """C++ with comments and literals blanked, line breaks kept."""
    return _TOKEN.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.M)


def includes(text):
    """(line, name, quoted) of every include directive outside comments."""
    for match in _INCLUDE.finditer(re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)):
        yield text.count("\n", 0, match.start()) + 1, match.group(1) or match.group(2), match.group(1) is not None


def finish(name, faults, notes=(), count=None):
    """Prints what was found; the exit code of the check."""
    for note in notes:
        print("note: " + note)
    for fault in faults:
        print(fault)
    looked = "" if count is None else f" in {count} files"
    print(f"{name}: {len(faults)} fault{'' if len(faults) == 1 else 's'}{looked}")
    return 1 if faults else 0


def root_argument():
    if len(sys.argv) < 2:
        sys.exit(f"usage: {sys.argv[0]} ROOT")
    return os.path.abspath(sys.argv[1])
