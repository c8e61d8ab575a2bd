"""What is wrong with a Task's rows, said before anything is queued: each finding with its count, up to three examples, the way out.

A check is a function from TaskData to findings, in one of the `check_*` files; a new one is written there and listed in CHECKS. What can
be mended without asking anyone names its entry in `lab.corpus.mending`.
"""

from __future__ import annotations

from lab.core import TaskData
from lab.corpus.check_answers import answer_findings
from lab.corpus.check_labels import label_findings
from lab.corpus.check_leaks import leak_findings, overlap_findings, without_leaks
from lab.corpus.check_pairs import pair_findings
from lab.corpus.check_placeholders import placeholder_findings
from lab.corpus.check_rows import Count, contradiction_findings, duplicate_findings, empty_findings, few_findings, length_findings, missing_findings
from lab.corpus.check_text import text_findings
from lab.corpus.values import Finding

__all__ = ["CHECKS", "LEVELS", "check", "without_leaks"]
LEVELS = ("refuse", "warn", "note")
CHECKS = (missing_findings, empty_findings, leak_findings, duplicate_findings, contradiction_findings, overlap_findings, pair_findings,
          placeholder_findings, text_findings, answer_findings, label_findings, few_findings)


def check(data: TaskData, count: Count | None = None, max_length: int | None = None, answer: int = 0,
          reads: bool = False) -> tuple[Finding, ...]:
    """Findings, the gravest first. With `count` (prompt, answer -> tokens) and `max_length` also the rows that are too long, where `answer`
    tokens are kept for what a System writes and `reads` says whether a scorer reads the right answers."""
    found = [finding for look in CHECKS for finding in look(data)]
    if count and max_length:
        found += length_findings(data, count, max_length, answer, reads)
    return tuple(sorted(found, key=lambda finding: LEVELS.index(finding.level)))
