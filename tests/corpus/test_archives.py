"""A zip of documents: what may come out comes out, everything else stays out with its reason."""

import io
import stat
import struct
import zipfile

import pytest

from lab import corpus
from lab.core import DataError
from lab.corpus.limits import LIMITS


def packed(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def link(name, target):
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


def encrypted(path, name):
    """Set the flag in the member's two headers: nothing has to be really locked to look locked."""
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := data.find(signature, start + 1)) >= 0:
            length = 30 if signature[2] == 3 else 46
            if data[start + length:start + length + len(name)] == name.encode():
                flags = struct.unpack_from("<H", data, start + offset)[0]
                struct.pack_into("<H", data, start + offset, flags | 1)
    path.write_bytes(data)


def test_good_members_come_in_and_the_others_say_why_not(tmp_path):
    inner = io.BytesIO()
    packed(inner, [("x.txt", "inner")])
    path = packed(tmp_path / "mixed.zip", [
        ("guide/b.md", "# B\n\nBread."), ("a.txt", "Apples."), ("../up.txt", "up"), ("/abs.txt", "abs"), ("C:/win.txt", "w"), ("..\\back.txt", "b"),
        link("link.txt", "/etc/hostname"), ("locked.txt", "secret"), ("inner.zip", inner.getvalue()), ("tool.exe", "MZ"),
        ("bad.pdf", "%PDF-1.4 no"), ("__MACOSX/a.txt", "junk"), (".hidden.md", "junk"), ("folder/", "")])
    encrypted(path, "locked.txt")
    documents, problems = corpus.read_documents(path)
    assert [(d.id, d.name, d.text) for d in documents] == [("d0001", "a.txt", "Apples."), ("d0002", "guide/b.md", "# B\n\nBread.")]
    assert documents[1].sections[0].heading == ("B",)
    said = "\n".join(problem.reason for problem in problems)
    for name in ("../up.txt", "/abs.txt", "C:/win.txt", "..\\back.txt"):
        assert f"{name}: left out, because its path leads out" in said
    for expected in ("link.txt: left out, because it is a link", "locked.txt: left out, because it is encrypted",
                     "inner.zip: left out, because it is an archive inside", "tool.exe: left out, because this kind of file is not read",
                     "bad.pdf: This cannot be read as PDF"):
        assert expected in said
    assert len(problems) == 9 and sum(problem.reason.startswith("mixed.zip: ") for problem in problems) == 8
    assert not (tmp_path / "up.txt").exists() and sorted(p.name for p in tmp_path.iterdir()) == ["mixed.zip"]


def test_bombs_stay_packed_and_cost_no_neighbour(tmp_path):
    path = packed(tmp_path / "bomb.zip", [("bomb.txt", b"a" * 3_000_000), ("c.txt", "small"), ("d.txt", b"b" * 900_000), ("e.txt", b"c" * 900_000),
                                          ("f.txt", b"d" * 900_000)])
    assert path.stat().st_size < 20_000
    limits = LIMITS._replace(file_bytes=1_000_000, unpacked_bytes=2_500_000)
    documents, problems = corpus.read_documents(path, limits)
    assert [d.name for d in documents] == ["c.txt", "d.txt", "e.txt"]
    assert ["unpacks to more than" in problem.reason for problem in problems] == [True, True]


def test_an_archive_that_lies_about_its_sizes(tmp_path):
    path = packed(tmp_path / "lie.zip", [("a.txt", b"a" * 2_000_000)])
    data = path.read_bytes().replace(struct.pack("<I", 2_000_000), struct.pack("<I", 10))
    path.write_bytes(data)
    with pytest.raises(DataError, match="a.txt: left out, because it is damaged"):
        corpus.read_documents(path)


@pytest.mark.parametrize("content, reason", [(b"PK\x03\x04 torn", "cannot be read as a zip"), (b"", "cannot be read as a zip")])
def test_no_archive(tmp_path, content, reason):
    (tmp_path / "x.zip").write_bytes(content)
    with pytest.raises(DataError, match=reason):
        corpus.read_documents(tmp_path / "x.zip")


def test_too_many_members_and_a_damaged_one(tmp_path):
    with pytest.raises(DataError, match="2,001 files"):
        corpus.read_documents(packed(tmp_path / "many.zip", [(f"{number}.txt", "x") for number in range(2_001)]))
    path = packed(tmp_path / "torn.zip", [("a.txt", "alpha " * 50), ("b.txt", "beta")])
    data = bytearray(path.read_bytes())
    data[40] ^= 0xff  # inside the first member's packed bytes
    path.write_bytes(data)
    documents, problems = corpus.read_documents([path])
    assert [d.name for d in documents] == ["b.txt"] and "a.txt: left out, because it is damaged" in problems[0].reason


def test_archives_stand_among_files(tmp_path):
    packed(tmp_path / "b.zip", [("in.txt", "inside")])
    (tmp_path / "a.txt").write_text("before")
    (tmp_path / "c.txt").write_text("after")
    assert [d.text for d in corpus.read_documents(tmp_path)[0]] == ["before", "inside", "after"]
