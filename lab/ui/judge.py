"""A judge model beside the scorer that decides: where it answers, what its grades mean, and how it is asked."""

from __future__ import annotations

import streamlit as st

from lab.core import Judge, Scorer
from lab.core.tasks import RUBRIC
from lab.ui import endpoint

ABOUT = ("A model grades every answer, for needs that no rule can check: tone, completeness, care. It is shown beside the scorer above and never "
         "decides, as judges prefer long answers and their own style. Every answer is sent to it.")
KEY = "Its key is read from LAB_JUDGE_KEY, which belongs to the address in LAB_JUDGE_ADDRESS, or else as for any endpoint; it is never stored."


def judge_form(key: str) -> Scorer | None:
    """None where no judge is wanted, or none is named yet."""
    if not st.toggle("A judge model beside it", key=f"{key}_judge", help=KEY, persist_state="session"):
        return None
    with st.container(border=True):
        st.caption(ABOUT)
        found = endpoint.choose(f"{key}_judge")
        rubric = st.text_area("What the grades from 0 to 10 mean", RUBRIC, max_chars=8_000, height=120, key=f"{key}_judge_rubric", persist_state="session")
        pairwise = st.toggle("Compare with the reference answer instead", key=f"{key}_judge_pairwise", persist_state="session",
                             help=Judge.model_fields["pairwise"].description)
    if found is None:
        return None
    return Scorer(kind="judge", judge=Judge(address=found.address, model=found.ref, rubric=rubric.strip() or RUBRIC, pairwise=pairwise))
