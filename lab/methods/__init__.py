"""One way to adapt a model = one file: prompting, retrieval, sft, dpo.

To add a training stage: a settings type in core/settings.py with its own `kind`, a file here with
`train(loaded, settings, prompter, rows, validation, folder, hooks)`, and a line in lab/methods/stages.py.
Its trainer says the loss as `parts` that add up (stepping.py): micro-batches, the dry run and several devices come with that.
"""
