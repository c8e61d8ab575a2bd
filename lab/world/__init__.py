"""The known world: a small closed world made from one seed, the tokenizer and pretraining of the base that ships, its probes.

What is known and what is new is known by construction, so that injection, reading and forgetting can be measured exactly.
`lexicon`, `names`, `people`, `general`, `reading`, `dialogue`, `corpus`, `suites` and `tasks` are pure and import no torch;
`tokenizer` needs the tokenizers library; what pretrains (`pretrain`, `objectives`, `optimizing`, `states`, `batches`) and what asks
(`probes`, `both`) need torch and transformers.
"""
