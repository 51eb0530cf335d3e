#!/usr/bin/env python3
"""Every header compiles alone.

A header that some source of the build includes first is proved by that source's own compilation (as far as a
precompiled header does not help it: `make tidy` builds without one); the others are compiled here, and the answer is
kept under the build folder by a hash of all they include.
usage: check_headers.py ROOT BUILD [JOBS]
"""
import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys

import tree


def flags_by_folder(build):
    """The compiler and flags of the sources in each folder, and the sources themselves."""
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        entries = json.load(file)
    folders, sources = {}, []
    for entry in entries:
        words = entry.get("arguments") or shlex.split(entry["command"])
        source = os.path.normpath(os.path.join(entry["directory"], entry["file"]))
        sources.append(source)
        folders.setdefault(os.path.dirname(source), (entry["directory"], strip(words, entry["file"])))
    return folders, sources


def strip(words, source):
    """The command without launcher, output, dependency files and the source."""
    launchers = [place for place, word in enumerate(words) if os.path.basename(word) == "ccache"]
    words = words[launchers[0] + 1:] if launchers else words
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in ("-o", "-MF", "-MT", "-MQ", "-include"):  # -include: the precompiled header
            skip = True
        elif word in ("-c", "-MD", "-MMD") or word == source or os.path.basename(word) == os.path.basename(source):
            continue
        else:
            kept.append(word)
    return kept


def nearest(folders, folder, root):
    """The flags of this folder, of one below it, or of the closest one above."""
    while folder.startswith(root):
        for candidate in sorted(folders):
            if candidate == folder or candidate.startswith(folder + os.sep):
                return folders[candidate]
        if os.path.relpath(folder, root) in tree.ROOMS:
            return None
        folder = os.path.dirname(folder)
    return None


def closure(root, build, path, seen):
    """Every file of ours that a header reaches, itself included."""
    for base in (root, os.path.join(build, "generated")):
        full = os.path.join(base, path)
        if os.path.isfile(full):
            break
    else:
        return
    if full in seen:
        return
    with open(full, encoding="utf-8", errors="replace") as file:
        seen[full] = file.read()
    for _, name, quoted in tree.includes(seen[full]):
        if quoted:
            closure(root, build, name, seen)


def key_of(root, build, path, command):
    seen = {}
    closure(root, build, path, seen)
    digest = hashlib.sha256("\0".join(command).encode())
    for full in sorted(seen):
        digest.update(full.encode() + b"\0" + seen[full].encode() + b"\0")
    return digest.hexdigest()


def compile_alone(directory, command, path):
    done = subprocess.run(command + ["-fsyntax-only", "-x", "c++", "-"], input=f'#include "{path}"\n', text=True,
                          cwd=directory, capture_output=True)
    return path, done.returncode, done.stderr


def main():
    root, build = tree.root_argument(), os.path.abspath(sys.argv[2])
    jobs = int(sys.argv[3]) if len(sys.argv) > 3 else 2
    folders, sources = flags_by_folder(build)
    proved = set()
    for source in sources:
        if os.path.isfile(source):
            with open(source, encoding="utf-8", errors="replace") as file:
                proved.add(next((name for _, name, _ in tree.includes(file.read())), None))

    cache_path = os.path.join(build, "house_headers.json")
    try:
        with open(cache_path, encoding="utf-8") as file:
            cache = set(json.load(file))
    except (OSError, ValueError):
        cache = set()

    headers = [path for path in tree.files(root, ".h") if tree.room_of(path)]
    work, good, notes = [], set(), []
    for path in headers:
        if path in proved:
            continue
        flags = nearest(folders, os.path.join(root, os.path.dirname(path)), root)
        if flags is None:
            notes.append(f"{path}: its room is not part of this build")
            continue
        key = key_of(root, build, path, flags[1])
        if key in cache:
            good.add(key)
        else:
            work.append((key, flags, path))

    faults = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        runs = [(key, pool.submit(compile_alone, flags[0], flags[1], path)) for key, flags, path in work]
        for key, run in runs:
            path, code, errors = run.result()
            if code == 0:
                good.add(key)
            else:
                faults.append(f"{path}: does not compile alone; include what it uses\n{errors.strip()}")
    with open(cache_path, "w", encoding="utf-8") as file:
        json.dump(sorted(good), file)
    print(f"{len(headers)} headers: {len([h for h in headers if h in proved])} proved by their source, "
          f"{len(good) - len(work) + len(faults)} known, {len(work)} compiled")
    return tree.finish("headers", faults, notes, count=len(headers))


if __name__ == "__main__":
    sys.exit(main())
