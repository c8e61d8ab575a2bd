"""Uploaded documents keep their own names as labels, in what was read and in what was not; nothing stays behind."""

from lab import store
from lab.ui import uploads


class Upload:
    def __init__(self, name: str, content: bytes):
        self.name, self._content = name, content

    def getvalue(self) -> bytes:
        return self._content


def test_documents_and_their_problems_carry_the_names_that_people_gave():
    found, problems = uploads.documents([Upload("a note.md", b"# Title\n\nSome text."), Upload("../broken 00000.pdf", b"no pdf at all"),
                                         Upload("b.txt", b"More text.")])
    assert [document.name for document in found] == ["a note.md", "b.txt"]
    assert found[0].sections[0].heading == ("Title",)
    assert len(problems) == 1 and problems[0].reason.startswith("../broken 00000.pdf: ")
    assert not any((store.home() / "uploads").iterdir())
