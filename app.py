"""Lever Lab in a browser: page config, navigation, sidebar. Decides nothing."""

import streamlit as st

from lab.ui import panels, router

st.set_page_config(page_title="Lever Lab", page_icon=panels.ICON, layout="wide")
page = router.navigation()
if not router.ballot_code():
    with st.sidebar:
        panels.sidebar()
router.follow_deep_link()
page.run()
