#!/usr/bin/env python3
"""Writes tests/golden/chat.json: chat templates and what transformers' apply_chat_template makes of them.

The templates of SmolLM2, Qwen and DeepSeek (Apache-2.0, MIT) follow the published ones, calls of tools
left out; those of Llama are written anew from the described format. Run by hand (needs transformers).
"""
import json
import pathlib

from transformers import PreTrainedTokenizerFast

HERE = pathlib.Path(__file__).parent
U, A = "<\uff5cUser\uff5c>", "<\uff5cAssistant\uff5c>"
BOS, EOS = "<\uff5cbegin\u2581of\u2581sentence\uff5c>", "<\uff5cend\u2581of\u2581sentence\uff5c>"

CHATML = ("{% for message in messages %}%s{{'<|im_start|>' + message['role'] + '\\n' + message['content'] + "
          "'<|im_end|>' + '\\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}")
DEFAULT = ("{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\\n%s<|im_end|>\\n' }}"
           "{% endif %}")


def chatml(system=None):
    return CHATML.replace("%s", DEFAULT.replace("%s", system) if system else "")


QWEN25 = """{%- if messages[0]['role'] == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}
{%- else %}
    {{- '<|im_start|>system\\nSYSTEM<|im_end|>\\n' }}
{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

QWEN3 = """{%- if messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step_tool and message.role == "user" and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step_tool = false %}
        {%- set ns.last_query_index = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set content = message.content %}
        {%- set reasoning_content = '' %}
        {%- if message.reasoning_content is defined and message.reasoning_content is not none %}
            {%- set reasoning_content = message.reasoning_content %}
        {%- else %}
            {%- if '</think>' in message.content %}
                {%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}
                {%- set reasoning_content = message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- endif %}
        {%- endif %}
        {%- if loop.index0 > ns.last_query_index %}
            {%- if loop.last or (not loop.last and reasoning_content) %}
                {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning_content.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
            {%- else %}
                {{- '<|im_start|>' + message.role + '\\n' + content }}
            {%- endif %}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""

QWQ = """{%- if messages[0]['role'] == 'system' %}{{- '<|im_start|>system\\n' + messages[0]['content'] + '<|im_end|>\\n' }}{%- endif %}
{%- for message in messages %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" and not message.tool_calls %}
        {%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n<think>\\n' }}
{%- endif %}
"""

LLAMA3 = """{{- bos_token }}
{%- for m in messages %}
    {{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"""

LLAMA31 = """{{- bos_token }}
{%- if messages[0]['role'] == 'system' %}{%- set said = messages[0]['content'] | trim %}{%- set rest = messages[1:] %}
{%- else %}{%- set said = '' %}{%- set rest = messages %}{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\nCutting Knowledge Date: December 2023\\n' }}
{{- 'Today Date: 26 Jul 2024\\n\\n' + said + '<|eot_id|>' }}
{%- for m in rest %}
    {{- '<|start_header_id|>' + m['role'] + '<|end_header_id|>\\n\\n' + m['content'] | trim + '<|eot_id|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{%- endif %}"""

LLAMA2 = """{%- if messages[0]['role'] == 'system' %}{%- set said = messages[0]['content'] %}{%- set rest = messages[1:] %}
{%- else %}{%- set said = none %}{%- set rest = messages %}{%- endif %}
{%- for m in rest %}
    {%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) %}{{- raise_exception('roles must take turns') }}{%- endif %}
    {%- set content = m['content'] %}
    {%- if loop.index0 == 0 and said is not none %}{%- set content = '<<SYS>>\\n' + said + '\\n<</SYS>>\\n\\n' + content %}{%- endif %}
    {%- if m['role'] == 'user' %}{{- bos_token + '[INST] ' + content.strip() + ' [/INST]' }}
    {%- elif m['role'] == 'system' %}{{- '<<SYS>>\\n' + content.strip() + '\\n<</SYS>>\\n\\n' }}
    {%- else %}{{- ' ' + content.strip() + ' ' + eos_token }}{%- endif %}
{%- endfor %}"""

HEAD = ("{% if not add_generation_prompt is defined %}{% set add_generation_prompt = false %}{% endif %}"
        "{% set ns = namespace(is_first=false, is_tool=false, system_prompt='', is_first_sp=true) %}"
        "{%- for message in messages %}{%- if message['role'] == 'system' %}{%- if ns.is_first_sp %}"
        "{% set ns.system_prompt = ns.system_prompt + message['content'] %}{% set ns.is_first_sp = false %}"
        "{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}"
        "{%- endif %}{%- endfor %}{{ bos_token }}{{ ns.system_prompt }}"
        "{%- for message in messages %}{%- if message['role'] == 'user' %}{{'" + U + "' + message['content']}}{%- endif %}"
        "{%- if message['role'] == 'assistant' and message['content'] is not none %}")
DROP = "{% set content = message['content'] %}{% if '</think>' in content %}{% set content = content.split('</think>')[-1] %}{% endif %}"
REPLY = "{{'" + A + "' + CONTENT + '" + EOS + "'}}{%- endif %}{%- endfor %}"
TAIL = "{% if add_generation_prompt and not ns.is_tool %}{{'" + A + "OPEN'}}{% endif %}"
V3 = HEAD + REPLY.replace("CONTENT", "message['content']") + TAIL.replace("OPEN", "")
R1 = HEAD + DROP + REPLY.replace("CONTENT", "content") + TAIL.replace("OPEN", "")
R1_OPEN = HEAD + DROP + REPLY.replace("CONTENT", "content") + TAIL.replace("OPEN", "<think>\\n")
DISTILL = (R1_OPEN.replace(", is_first_sp=true", "").replace("{%- if ns.is_first_sp %}", "")
           .replace("{% set ns.is_first_sp = false %}{%- else %}{% set ns.system_prompt = ns.system_prompt + '\\n\\n' + message['content'] %}{%- endif %}", "")
           .replace("ns.system_prompt + message['content']", "message['content']"))
V31 = (HEAD.split("{%- for message in messages %}{%- if message['role'] == 'user' %}")[0]
       .replace("is_first_sp=true)", "is_first_sp=true, is_last_user=false)")
       .replace("{% set ns = ", "{% if not thinking is defined %}{% set thinking = false %}{% endif %}{% set ns = ") +
       "{%- for message in messages %}{%- if message['role'] == 'user' %}{%- set ns.is_last_user = true -%}"
       "{{'" + U + "' + message['content']}}{%- endif %}{%- if message['role'] == 'assistant' %}"
       "{%- if ns.is_last_user %}{{'" + A + "</think>'}}{%- endif %}{%- set ns.is_last_user = false -%}"
       "{%- set content = message['content'] -%}{%- if '</think>' in content %}"
       "{%- set content = content.split('</think>', 1)[1] -%}{%- endif %}{{content + '" + EOS + "'}}{%- endif %}{%- endfor -%}"
       "{%- if add_generation_prompt and ns.is_last_user and not ns.is_tool %}{{'" + A + "'}}"
       "{%- if not thinking %}{{'</think>'}}{%- else %}{{'<think>'}}{%- endif %}{% endif %}")

TEMPLATES = {
    "chatml": (chatml(), "", "<|im_end|>"),
    "smollm2": (chatml("You are a helpful AI assistant named SmolLM, trained by Hugging Face"), "<|im_start|>", "<|im_end|>"),
    "qwen2": (chatml("You are a helpful assistant."), "", "<|im_end|>"),
    "qwen2.5": (QWEN25.replace("SYSTEM", "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."), "", "<|im_end|>"),
    "qwen2.5-math": (QWEN25.replace("SYSTEM", "Please reason step by step, and put your final answer within \\\\boxed{}."), "", "<|im_end|>"),
    "qwen3": (QWEN3, "", "<|im_end|>"),
    "qwq": (QWQ, "", "<|im_end|>"),
    "llama2": (LLAMA2, "<s>", "</s>"),
    "llama3": (LLAMA3, "<|begin_of_text|>", "<|eot_id|>"),
    "llama3.1": (LLAMA31, "<|begin_of_text|>", "<|eot_id|>"),
    "deepseek-v3": (V3, BOS, EOS),
    "deepseek-r1": (R1, BOS, EOS),
    "deepseek-r1-open": (R1_OPEN, BOS, EOS),
    "deepseek-r1-distill": (DISTILL, BOS, EOS),
    "deepseek-v3.1": (V31, BOS, EOS),
}

S, Q, R = "system", "user", "assistant"
TALKS = [
    [(Q, "Hi")],
    [(S, "Be brief."), (Q, "What is 2+3?")],
    [(Q, "  spaces \n around \n")],
    [(Q, "One"), (R, "1"), (Q, "Two")],
    [(S, "\n A system \n"), (Q, "One"), (R, " 1 "), (Q, "Two"), (R, "2\n"), (Q, "Three")],
    [(Q, "One"), (R, "<think>\nhm\n</think>\n\n1"), (Q, "Two")],
    [(Q, "One"), (R, "<think>\nhm\n</think>\n\n1")],
    [(Q, "One"), (R, "plain")],
    [(Q, "One"), (R, "hm</think>a</think>b"), (Q, "Two"), (R, "<think>x<think>y</think>\nz")],
    [(S, "First."), (Q, "One"), (S, "Second."), (Q, "Two")],
    [(Q, "caf\u00e9 \u4e16\u754c \U0001f600 <|im_end|> {{ x }} {% y %} '\"\\")],
    [(R, "I begin."), (Q, "Then I.")],
    [(Q, "<tool_response>\n5\n</tool_response>"), (R, "<think>\nt\n</think>\nfive")],
    [(Q, "What?"), (R, "<think>\nt\n</think>\nfive"), (Q, "<tool_response>5</tool_response>"), (R, "<think>\nu\n</think>\nsix"), (Q, "<tool_response>6</tool_response>")],
    [(Q, "")],
]


def main():
    tok = PreTrainedTokenizerFast(tokenizer_file=str(HERE / "tokenizer/qwen2.json"))
    cases = []
    for name, (template, bos, eos) in TEMPLATES.items():
        tok.bos_token, tok.eos_token = bos or None, eos
        switches = [None]
        if name == "qwen3":
            switches = [None, True, False]
        if name == "deepseek-v3.1":
            switches = [True, False]
        for number, talk in enumerate(TALKS):
            for reply in (True, False):
                for switch in switches if reply else [switches[0]]:
                    more = {} if switch is None else {"enable_thinking": switch, "thinking": switch}
                    try:
                        want = tok.apply_chat_template([dict(role=r, content=c) for r, c in talk], tokenize=False,
                                                       chat_template=template, add_generation_prompt=reply, **more)
                    except Exception:
                        want = None
                    cases.append(dict(template=name, talk=number, reply=reply, thinking=switch, want=want))
    text = json.dumps(dict(
        templates={n: dict(text=t, bos=b, eos=e) for n, (t, b, e) in TEMPLATES.items()}, talks=TALKS), indent=0)
    rows = ",\n".join(json.dumps(c) for c in cases)
    (HERE / "chat.json").write_text(text[:-2] + ',\n"cases": [\n' + rows + "\n]}\n")


main()
