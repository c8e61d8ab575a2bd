"""Evidence: what the field says, decided on the shipped base by a rule that was written before any run."""

from lab.ui import router

router.ensure_router(router.EVIDENCE)

import streamlit as st

from lab import compare
from lab.ui import evidence, panels, state

st.title("Evidence")
st.markdown("Sentences that everybody in this field repeats, each tried on the shipped base with several seeds. "
            "Some hold, some do not, and some cannot be decided with this many items.")
if active := evidence.running():
    st.page_link(router.RUNS, label="Evidence is being measured: watch it", icon=":material/visibility:", query_params={"experiment": active})
shown = evidence.shown()
if shown is None:
    st.info("There is no evidence yet. The command `python -m lab evidence` runs the grid in the background; its verdicts appear here.",
            icon=":material/info:")
    with st.expander("What will be decided, and by which rule", icon=":material/rule:"):
        st.write(compare.RULE)
        for claim in compare.CLAIMS:
            st.markdown(f"- {claim.sentence} *{claim.quantity}: {compare.bar_text(claim)}*")
    st.stop()

panels.source_panel(shown)
st.info(compare.SMALL, icon=":material/info:")
groups = [title for group, title in compare.GROUPS.items() if any(v.claim.group == group for v in shown.evidence.verdicts)]
wanted = state.choose_systems("Claims about", groups, "evidence_group")
panels.verdict_panel([v for v in shown.evidence.verdicts if compare.GROUPS[v.claim.group] in wanted], "evidence_verdicts")
with st.expander("The rule, written before any run", icon=":material/rule:"):
    st.write(compare.RULE)

st.header("Learning and forgetting")
panels.plane_panel(shown.evidence, "evidence_plane")
st.header("Does distance from the base predict forgetting?")
panels.distance_panel(shown.evidence, "evidence_distance")
st.header("How many labels are enough?")
panels.labels_panel(shown.evidence, "evidence_labels")
