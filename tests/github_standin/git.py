"""Git objects of one repository, with git's own hashes. Knows no HTTP.

Commits that a script names by a sha of its own (40 times `a`, say) are kept under that name.
A tree is also handled flat: {path: (mode, blob sha)}.
"""

import hashlib

FILE = "100644"
BOT = "octocat"


class Git:
    def __init__(self):
        self.objects = {}  # sha -> (kind, value)

    def blob(self, data):
        return self._store("blob", data, data)

    def tree(self, entries):
        """entries: [(mode, name, kind, sha)] of one folder."""
        entries = sorted(entries, key=lambda e: e[1] + ("/" if e[2] == "tree" else ""))
        raw = b"".join(f"{mode.lstrip('0')} {name}".encode() + b"\0" + bytes.fromhex(sha)
                       for mode, name, _, sha in entries)
        return self._store("tree", raw, entries)

    def commit(self, tree, parents, message, now_ms, author=None, sha=None):
        author = author or {"name": BOT, "email": f"{BOT}@users.noreply.github.com"}
        who = f"{author['name']} <{author['email']}> {int(now_ms // 1000)} +0000"
        lines = [f"tree {tree}"] + [f"parent {p}" for p in parents]
        raw = "\n".join(lines + [f"author {who}", f"committer {who}", "", message]).encode()
        value = {"tree": tree, "parents": list(parents), "message": message, "ms": now_ms,
                 "author": author}
        return self._store("commit", raw, value, sha)

    def tag(self, name, target, message, now_ms):
        kind = self.kind(target) or "commit"
        raw = (f"object {target}\ntype {kind}\ntag {name}\ntagger {BOT} <{BOT}@users.noreply."
               f"github.com> {int(now_ms // 1000)} +0000\n\n{message}").encode()
        return self._store("tag", raw, {"object": target, "kind": kind, "tag": name,
                                        "message": message, "ms": now_ms})

    def kind(self, sha):
        return self.objects[sha][0] if sha in self.objects else None

    def get(self, sha, kind):
        """The object's value, or None if there is none of this kind."""
        found = self.objects.get(sha)
        return found[1] if found and found[0] == kind else None

    def peel(self, sha):
        """The commit that a ref's object leads to."""
        while self.kind(sha) == "tag":
            sha = self.get(sha, "tag")["object"]
        return sha

    def known_commit(self, sha, now_ms=0):
        """The commit; one that nobody made is made up, empty."""
        if self.kind(sha) != "commit":
            self.commit(self.tree([]), [], "made up", now_ms, sha=sha)
        return self.get(sha, "commit")

    def files(self, sha):
        """{path: (mode, blob)} of a commit or of a tree."""
        sha = self.peel(sha)
        if self.kind(sha) == "commit":
            sha = self.get(sha, "commit")["tree"]
        flat = {}
        for mode, name, kind, child in self.get(sha, "tree") or []:
            if kind == "tree":
                flat.update({f"{name}/{p}": v for p, v in self.files(child).items()})
            else:
                flat[name] = (mode, child)
        return flat

    def build(self, flat):
        """The tree of {path: (mode, blob)}."""
        entries, folders = [], {}
        for path, (mode, sha) in flat.items():
            head, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(head, {})[rest] = (mode, sha)
            else:
                entries.append((mode, head, "blob", sha))
        entries += [("040000", name, "tree", self.build(sub)) for name, sub in folders.items()]
        return self.tree(entries)

    def text_files(self, files, base=None):
        """A tree: `base` (flat) with {path: text, or None to remove it} put over it."""
        flat = dict(base or {})
        for path, text in files.items():
            if text is None:
                flat.pop(path, None)
            else:
                flat[path] = (FILE, self.blob(text.encode()))
        return self.build(flat)

    def history(self, sha):
        """The commit and its ancestors, nearest first."""
        seen, queue = [], [self.peel(sha)]
        while queue:
            sha = queue.pop(0)
            if sha not in seen and self.kind(sha) == "commit":
                seen.append(sha)
                queue += self.get(sha, "commit")["parents"]
        return seen

    def merge_base(self, one, other):
        theirs = set(self.history(other))
        return next((sha for sha in self.history(one) if sha in theirs), None)

    def contains(self, sha, ancestor):
        return ancestor in self.history(sha)

    def changes(self, old, new):
        """[(path, added|removed|modified, old blob, new blob)]."""
        before, after = self.files(old) if old else {}, self.files(new)
        changed = []
        for path in sorted(set(before) | set(after)):
            was, now = before.get(path), after.get(path)
            if was != now:
                kind = "added" if was is None else "removed" if now is None else "modified"
                changed.append((path, kind, was and was[1], now and now[1]))
        return changed

    def merged(self, base, head):
        """The tree with both sides' changes; None if they conflict."""
        origin = self.merge_base(base, head)
        ours = {path: now for path, _, _, now in self.changes(origin, base)}
        flat, heads = self.files(base), self.files(head)
        for path, _, _, now in self.changes(origin, head):
            if path in ours and ours[path] != now:
                return None
            if now is None:
                flat.pop(path, None)
            else:
                flat[path] = heads[path]
        return self.build(flat)

    def _store(self, kind, raw, value, sha=None):
        sha = sha or hashlib.sha1(f"{kind} {len(raw)}".encode() + b"\0" + raw).hexdigest()
        self.objects[sha] = (kind, value)
        return sha
