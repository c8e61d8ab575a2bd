"""README.md of an export: how to ask the System elsewhere, what it is made of, what it scored, what was checked, and whose licence holds."""

from __future__ import annotations

import json
import time

from lab import compare, store
from lab.exporter.made import Made
from lab.store.models import facts

FORMS = {"adapter": "an adapter (PEFT) for its base", "merged": "all weights of the model (safetensors)",
         "messages": "its prompts and settings; no weight of the base was changed, and none is in this folder"}
OWN = {"shipped": "Apache-2.0, as Lever Lab", "made": "as whoever pretrained it says"}


def text(made: Made, check: dict) -> str:
    """The whole page. Names from people and files stand in it as flat text."""
    parts = [f"# {_flat(made.system.name)}",
             f"A System of Lever Lab, exported on {time.strftime('%Y-%m-%d')} from the run `{made.run.id}` as {FORMS[made.form]}.",
             _asking(made), _prompts(made), "## What it is", _what(made), "## Scores", _scores(made), "## Checked when it was exported", _checked(check),
             "## Licence", _licence(made)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _flat(words: str) -> str:
    return " ".join(str(words).replace("`", "'").replace("|", "/").split())


def _asking(made: Made) -> str:
    name, commit = made.known_as
    source = '"."' if made.form == "merged" else "BASE" + (f', revision="{commit}"' if commit else "")
    lines = ["import json", "from transformers import AutoModelForCausalLM, AutoTokenizer", *(["from peft import PeftModel"] if made.form == "adapter" else []),
             *([f"BASE = {json.dumps(name)}" + ("" if commit else "  # the folder of this base")] if made.form != "merged" else []),
             'tokenizer = AutoTokenizer.from_pretrained(".")',
             f"model = AutoModelForCausalLM.from_pretrained({source})",
             *(['model = PeftModel.from_pretrained(model, ".")'] if made.form == "adapter" else []),
             'asked = json.load(open("messages.json", encoding="utf-8"))',
             'ids = tokenizer.apply_chat_template(asked["messages"], add_generation_prompt=True, return_tensors="pt", return_dict=True)',
             'out = model.generate(input_ids=ids["input_ids"], attention_mask=ids["attention_mask"], do_sample=False,',
             '                     max_new_tokens=asked["max_new_tokens"], eos_token_id=asked["end_tokens"])',
             'print(tokenizer.decode(out[0][ids["input_ids"].shape[1]:], skip_special_tokens=True).strip())']
    return ("## Ask it\n\nIn this folder, with transformers" + (" and peft" if made.form == "adapter" else "")
            + " (prints the answer that stands in `messages.json`):\n\n```python\n" + "\n".join(lines) + "\n```\n\n" + _served(made))


def _served(made: Made) -> str:
    base = made.known_as[0] if made.system.base.kind == "shipped" else "FOLDER_OF_THE_BASE"
    lab = ("Beside the lab it answers over the OpenAI protocol; shots and passages are put before the question there:\n\n```\n"
           f"python -m lab serve --base {base} --port 8600      # the token stands in the workspace, answerer/{made.system.base.fingerprint}.json\n"
           'curl http://127.0.0.1:8600/v1/chat/completions -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n'
           f'  -d \'{{"model": "{made.run.id}", "messages": [{{"role": "user", "content": "..."}}]}}\'\n```')
    others = {"adapter": "Servers with LoRA support take this folder beside the base, as `vllm serve BASE --enable-lora --lora-modules system=.` does; send "
                         "`messages.json`'s messages.",
              "merged": "Any program that loads a transformers folder takes this one: `vllm serve .`, or llama.cpp's `convert_hf_to_gguf.py .`; send "
                        "`messages.json`'s messages.",
              "messages": "Any server of the base answers alike, if it uses the chat template of this folder; send `messages.json`'s messages."}
    return f"{lab}\n\n{others[made.form]}"


def _prompts(made: Made) -> str:
    """What stands before the question, and where it comes from."""
    system, lines = made.system, []
    if system.instruction:
        lines.append("- **Instruction**: in `system.json`, and at the beginning of the messages.")
    if system.prompting and system.prompting.shots:
        how = "the same before every question" if system.prompting.choice == "random" else \
            f"for each question the {system.prompting.shots} whose prompts are most like it (BM25), the most similar one last"
        lines.append(f"- **Shots**: `shots.jsonl`, {how}; each is a turn of the user and one of the assistant.")
    if system.retrieval:
        lines.append(f"- **Passages**: `index/` holds the passages of the documents (`passages.jsonl`) with their BM25 arrays"
                     f"{'' if system.retrieval.retriever == 'lexical' else ' and embeddings'}; the best {system.retrieval.top_k} by "
                     f"{system.retrieval.retriever} search stand before the question, each put as `system.json` says under `passage_format`. The documents' "
                     "texts leave with this folder: pass it on only to people who may read them.")
    return "## What stands before a question\n\n" + "\n".join([*lines, "- `messages.json` shows one question with everything before it, as it was sent."]) \
        if lines else ""


def _what(made: Made) -> str:
    base, (name, commit) = made.system.base, made.known_as
    where = f"commit {commit}" if commit else {"shipped": "ships with Lever Lab", "made": "pretrained in this lab", "folder": "a local folder"}[base.kind]
    held = "" if made.system.quantisation == "none" else f", held in {made.system.quantisation} when it was trained and asked"
    lines = [f"- **Base**: {_flat(name)} ({where}), {base.parameters:,} parameters{held}; licence: {_licence_of(made)}; fingerprint `{base.fingerprint}`.",
             f"- **Task**: {_flat(made.data.task.name)}" + (f"; licence of its data: {_flat(made.data.task.licence)}" if made.data.task.licence else "") + "."]
    for number, stage in enumerate(made.system.training, start=1):
        rows = made.data.task.counts.get("train" if stage.kind == "sft" else "preferences", 0)
        size = "all weights" if stage.full else f"LoRA, rank {stage.lora_rank}, alpha {stage.lora_alpha}"
        lines.append(f"- **Training, stage {number}**: {stage.kind.upper()} on at most {rows:,} rows, {size}, learning rate {stage.learning_rate:g}, "
                     f"epochs {stage.epochs:g}, batch size {stage.batch_size}, seed {stage.seed}.")
    if made.about.get("seconds") is not None:
        lines.append(f"- **The last stage** took {made.about['seconds']:,.0f} seconds and trained {made.about.get('trainable', 0):,} numbers.")
    if store.runs.state(made.run.id).kept:
        lines.append("- **Stopped early**: its training was ended by hand, and kept and scored as it was.")
    return "\n".join([*lines, "- All settings: `system.json`."])


def _scores(made: Made) -> str:
    rows = []
    for title, evaluation in made.scored.items():
        for scorer in evaluation.scorers if evaluation else ():
            found = compare.score(evaluation, scorer.kind)
            value = f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})" if found.value is not None and found.low is not None else "not measured"
            rows.append(f"| {_flat(title)} | {scorer.kind.replace('_', ' ')} | {value} | {found.n} |")
    if not rows:
        return "None are recorded."
    return "\n".join(["Share of right answers (of losses: nats per token) with 95 % intervals; n counts items.", "",
                      "| Asked | Metric | Score | n |", "|---|---|---|---:|", *rows])


def _checked(check: dict) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in check["versions"].items())
    found = [f"- {finding.what}. {finding.do}." for finding in compare.export_health(check)]
    return "\n".join([f"- {compare.export_line(check)} ({versions})", *found, "- Every number: `check.json`."])


def _licence_of(made: Made) -> str:
    """As the hub or the base's own files say it; what ships or was pretrained here has none of others to keep."""
    kind = made.system.base.kind
    if kind in OWN:
        return OWN[kind]
    told = store.artifacts.about(made.base.name).get("licence") if kind == "hub" else ""
    return _flat(told or facts(made.base).licence)


def _licence(made: Made) -> str:
    return (f"The base's licence ({_licence_of(made)}) goes on to hold for what was made from it: read it before you pass this folder on, keep its notices, "
            "and name the base and its terms where it asks for that. What may be done with the task's data, of which the training (and the shots and "
            "passages, where there are some) hold a part, their owner says.")
