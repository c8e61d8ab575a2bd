"""The only room with streamlit: session keys, forms, panels, charts, cached reads. Loads no torch.

A page chooses, calls the lab once and draws; everything that more than one page needs stands here. Text that people or
models wrote goes to st.text, st.code, dataframe cells or the marked-text component, never through Markdown or HTML.
"""
