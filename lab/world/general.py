"""General knowledge of the world: capitals, words, sums, grammar. Statements, questions and the pairs that test them."""

from __future__ import annotations

import random

from lab.world import lexicon

CAPITAL_STATEMENTS = ("The capital of {k} is {v}.", "{v} is the capital of {k}.", "{k} has its capital in {v}.")
CAPITAL_QUESTIONS = ("What is the capital of {k}?", "Which city is the capital of {k}?", "Name the capital of {k}.")
WORD_STATEMENTS = ("The Spanish word for {k} is {v}.", "In Spanish {k} is {v}.", "{v} is Spanish for {k}.")
WORD_QUESTIONS = ("How do you say {k} in Spanish?", "What is {k} in Spanish?", "Translate {k} into Spanish.")
# One digit plus one digit, in plain order: a memorised table of 100 facts, not arithmetic.
SUM_STATEMENTS = ("{k} is {v}.", "The sum {k} is {v}.")
SUM_QUESTIONS = ("What is {k}?", "How much is {k}?")
SUMS = {f"{a} plus {b}": str(a + b) for a in range(10) for b in range(10)}

FACTS = {"capitals": lexicon.CAPITALS, "words": lexicon.WORDS, "sums": SUMS}
STATEMENTS = {"capitals": CAPITAL_STATEMENTS, "words": WORD_STATEMENTS, "sums": SUM_STATEMENTS}
QUESTIONS = {"capitals": CAPITAL_QUESTIONS, "words": WORD_QUESTIONS, "sums": SUM_QUESTIONS}
KEYS = {kind: tuple(facts) for kind, facts in FACTS.items()}


def statement(rng: random.Random, kind: str) -> str:
    key = rng.choice(KEYS[kind])
    return rng.choice(STATEMENTS[kind]).format(k=key, v=FACTS[kind][key])


def question(rng: random.Random, kind: str) -> tuple[str, str]:
    key = rng.choice(KEYS[kind])
    return rng.choice(QUESTIONS[kind]).format(k=key), FACTS[kind][key]


def _plain(rng: random.Random, number: int) -> tuple[str, str]:
    noun, verb = rng.choice(lexicon.PERSONS), rng.choice(lexicon.VERBS)
    return f"The {noun[number]} {{}}.", verb


def _attractor(rng: random.Random, number: int) -> tuple[str, str]:
    """A noun of the other number stands between subject and verb."""
    noun, other = rng.sample(lexicon.NOUNS, 2)
    return f"The {noun[number]} {rng.choice(lexicon.NEAR)} the {other[1 - number]} {{}} {rng.choice(lexicon.ADJECTIVES)}.", ("is", "are")


def _relative(rng: random.Random, number: int) -> tuple[str, str]:
    noun, other = rng.sample(lexicon.PERSONS, 2)
    sees, verb = rng.choice(lexicon.SEES), rng.choice(lexicon.VERBS)
    return f"The {noun[number]} that {sees[number]} the {other[1 - number]} {{}}.", verb


def _determiner(rng: random.Random, number: int) -> tuple[str, str]:
    noun = rng.choice(lexicon.NOUNS)
    verb = ("is", "are")[number]
    return f"{{}} {noun[number]} {verb} {rng.choice(lexicon.ADJECTIVES)}.", rng.choice((("This", "These"), ("That", "Those")))


PARADIGMS = {"plain": _plain, "attractor": _attractor, "relative": _relative, "determiner": _determiner}


def grammar_pair(rng: random.Random, paradigm: str | None = None) -> tuple[str, str, str]:
    """A right sentence, its wrong twin (one word differs) and the paradigm's name (minimal pairs as in BLiMP)."""
    paradigm = paradigm or rng.choice(tuple(PARADIGMS))
    number = rng.randrange(2)
    sentence, forms = PARADIGMS[paradigm](rng, number)
    return sentence.format(forms[number]), sentence.format(forms[1 - number]), paradigm
