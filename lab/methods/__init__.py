"""One way to adapt a model = one file: prompting, retrieval, sft, dpo.

To add a training stage: a settings type in core/settings.py with its own `kind`, a file here with
`train(loaded, settings, prompter, rows, validation, folder, hooks)`, and a line in lab/methods/stages.py.
"""
