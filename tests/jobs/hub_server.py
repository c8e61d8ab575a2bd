"""A hub on the loopback address: speaks as much of the hub's protocol as a download needs, and can be slow, broken or lying.

Serves {"owner/name": Repo}. Files of 10,000 bytes and more are large ones: named by SHA-256 and sent from another address ("localhost"
instead of 127.0.0.1), as the real hub does; small ones are named as Git names them.
"""

import hashlib
import json
import re
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

LARGE = 10_000
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Repo:
    """`damaged`: files whose bytes are not those of their checksum. `piece` and `pause`: how slowly large files come."""

    files: dict[str, bytes]
    kind: str = "model"
    commit: str = COMMIT
    branches: tuple[str, ...] = ("main", "refs/convert/parquet")
    token: str = ""  # what a gated repository wants
    licence: str = "mit"
    damaged: set[str] = field(default_factory=set)
    piece: int = 1 << 16
    pause: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)  # lies


class Hub(ThreadingHTTPServer):
    """`asked` lists (method, path, range, token) of every request; `drop_after` cuts the next large answers after so many bytes."""

    daemon_threads = True

    def __init__(self, repos):
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos, self.asked, self.drop_after, self.busy = repos, [], [], 0

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        self.answer()

    def answer(self):
        hub, path = self.server, unquote(urlsplit(self.path).path)
        said = self.headers.get("Authorization", "")
        hub.asked.append((self.command, path, self.headers.get("Range"), said))
        if hub.busy:
            hub.busy -= 1
            return self.send(429, b"", {"Retry-After": "1"})
        if listing := re.fullmatch(r"/api/(model|dataset)s/([^/]+/[^/]+)/revision/(.+)", path):
            return self.listing(*listing.groups())
        if file := re.fullmatch(r"/(?:datasets/)?([^/]+/[^/]+)/resolve/([0-9a-f]{40})/(.+)", path):
            return self.file(*file.groups(), said)
        if stored := re.fullmatch(r"/stored/([^/]+/[^/]+)/(.+)", path):
            return self.content(*stored.groups())
        self.send(404, b"")

    def listing(self, kind, name, revision):
        repo = self.server.repos.get(name)
        if repo is None or repo.kind != kind:
            return self.send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
        if revision not in (*repo.branches, repo.commit):
            return self.send(404, b"{}", {"X-Error-Code": "RevisionNotFound"})
        siblings = [{"rfilename": file, "size": repo.sizes.get(file, len(content)), "blobId": git_name(content),
                     **({"lfs": {"sha256": hashlib.sha256(content).hexdigest(), "size": repo.sizes.get(file, len(content)), "pointerSize": 134}}
                        if len(content) >= LARGE else {})} for file, content in repo.files.items()]
        self.send(200, json.dumps({"id": name, "sha": repo.commit, "gated": "manual" if repo.token else False, "siblings": siblings,
                                   "cardData": {"license": repo.licence}}).encode())

    def file(self, name, commit, file, said):
        repo = self.server.repos[name]
        if repo.token and said != f"Bearer {repo.token}":
            return self.send(403 if said else 401, b"", {"X-Error-Code": "GatedRepo"})
        content = repo.files.get(file)
        if content is None or commit != repo.commit:
            return self.send(404, b"", {"X-Error-Code": "EntryNotFound"})
        about = {"X-Repo-Commit": commit, "ETag": f'"{git_name(content)}"'}
        if len(content) >= LARGE:
            other = f"http://localhost:{self.server.server_address[1]}/stored/{name}/{file}"
            return self.send(302, b"", about | {"Location": other, "X-Linked-Size": str(len(content)),
                                                "X-Linked-ETag": f'"{hashlib.sha256(content).hexdigest()}"'})
        self.send(200, self.sent(repo, file), about)

    def sent(self, repo, file):
        content = repo.files[file]
        return content[:-1] + bytes([content[-1] ^ 1]) if file in repo.damaged else content

    def content(self, name, file):
        repo = self.server.repos[name]
        content, begin = self.sent(repo, file), 0
        if wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            begin = int(wanted[1])
        self.send_response(206 if begin else 200)
        if begin:
            self.send_header("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        if self.command == "GET":
            end = begin + self.server.drop_after.pop() if self.server.drop_after else len(content)
            for place in range(begin, min(end, len(content)), repo.piece):
                self.wfile.write(content[place:min(place + repo.piece, end)])
                self.wfile.flush()
                time.sleep(repo.pause)
            if end < len(content):
                self.close_connection = True

    def send(self, status, content, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)


def git_name(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def running(**repos):
    """A hub that serves {"owner__name": Repo} for as long as the block lasts."""
    hub = Hub({name.replace("__", "/"): repo for name, repo in repos.items()})
    thread = threading.Thread(target=hub.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
