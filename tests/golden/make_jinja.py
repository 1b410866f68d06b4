# tests/golden/make_jinja.py -- makes jinja.json: templates, variables, and what transformers' own environment renders.
#
#   python3 tests/golden/make_jinja.py > tests/golden/jinja.json          needs jinja2 3.1
#   python3 tests/golden/make_jinja.py FOLDER > cases.json                the templates of a folder (*.jinja) instead
# The chat templates below are written for this test in the manner of published ones; the settings are those of
# transformers.utils.chat_template_utils: an immutable sandbox, trim_blocks, lstrip_blocks, loop controls, its tojson.
import datetime
import glob
import json
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        lineno = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.Scope(body).set_lineno(lineno)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                    extensions=[Generation, jinja2.ext.loopcontrols])
env.filters["tojson"] = tojson
env.globals["raise_exception"] = raise_exception
env.globals["strftime_now"] = lambda f: datetime.datetime.now().strftime(f)

S, U, A = ({"role": "system", "content": "Be brief. "}, {"role": "user", "content": " What is 6*7?\n"},
           {"role": "assistant", "content": "<think>\n6*7=42\n</think>\n\n42"})
TOOLS = [{"type": "function", "function": {"name": "add", "description": "Adds \"two\" numbers <b>.", "parameters": {
    "type": "object", "properties": {"a": {"type": "number", "description": "one"}, "b": {"type": ["number", "null"]}},
    "required": ["a", "b"]}}},
    {"type": "function", "function": {"name": "now", "description": "Zeit, größer", "parameters": {
        "type": "object", "properties": {"zone": {"type": "string", "enum": ["UTC", "CET"], "default": "UTC"}}}}}]
CALL = {"role": "assistant", "content": "", "tool_calls": [
    {"id": "c00000001", "type": "function", "function": {"name": "add", "arguments": {"a": 1, "b": 2.5, "n": None, "t": True}}},
    {"id": "c00000002", "type": "function", "function": {"name": "now", "arguments": {}}}]}
ANSWERS = [{"role": "tool", "content": "3.5", "tool_call_id": "c00000001", "name": "add"},
           {"role": "tool", "content": "12:00", "tool_call_id": "c00000002", "name": "now"}]
TALKS = [
    [U], [S, U], [U, A, {"role": "user", "content": "And 7*8?"}], [S, U, A], [],
    [S, U, {"role": "assistant", "content": "42", "reasoning_content": "six sevens"}, {"role": "user", "content": "ok"}],
    [{"role": "user", "content": [{"type": "text", "text": "part one"}, {"type": "text", "text": "part two"}]}],
    [U, U], [A], [S, S, U], [U, CALL] + ANSWERS, [U, CALL] + ANSWERS + [{"role": "assistant", "content": "3.5, noon"}, U],
    [{"role": "developer", "content": "d"}, {"role": "user", "content": "日本語 <|im_end|> {{ x }}"}],
]


def render(text, given):
    try:
        return {"expect": env.from_string(text).render(**given)}
    except Exception as e:
        return {"error": type(e).__name__ + ": " + str(e)[:80]}


def talks(text, name):
    out = []
    for i, messages in enumerate(TALKS):
        for extra in [{}, {"add_generation_prompt": True}, {"tools": TOOLS, "add_generation_prompt": True},
                      {"enable_thinking": False, "add_generation_prompt": True}]:
            given = dict(messages=messages, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>",
                         **{**{"add_generation_prompt": False}, **extra})
            out.append(dict(name=f"{name} talk {i} {sorted(extra)}", template=name, vars=given, **render(text, given)))
    return out


TEMPLATES = {
    "turns": "{{ bos_token }}{% for m in messages %}{{ '<|' + m['role'] + '|>\n' + m['content'] + eos_token + '\n' }}{% endfor %}"
             "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}",
    "alternating": """{{ bos_token }}{% if messages and messages[0]['role'] == 'system' %}{% set system = messages[0]['content'] %}{% set rest = messages[1:] %}{% else %}{% set system = '' %}{% set rest = messages %}{% endif %}
{%- for message in rest %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
        {{- raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
    {%- endif %}
    {%- if loop.index0 == 0 and system %}{% set content = system + '\\n\\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}
    {%- if message['role'] == 'user' %}
        {{- '[INST] ' + content.strip() + ' [/INST]' }}
    {%- else %}
        {{- ' ' + content | trim + ' ' + eos_token }}
    {%- endif %}
{%- endfor %}""",
    "model turns": """{{ bos_token }}
{%- if messages | length > 0 and messages[0].role == "system" -%}{{ raise_exception("System role not supported") }}{%- endif -%}
{% for message in messages %}
{% set role = "model" if message.role == "assistant" else message.role %}
{{ "<start_of_turn>" ~ role ~ "\\n" ~ (message.content if message.content is string else message.content | map(attribute="text") | join("")) | trim ~ "<end_of_turn>\\n" }}
{%- endfor -%}
{% if add_generation_prompt %}
{{- "<start_of_turn>model\\n" -}}
{% endif %}""",
    "tools as json": """{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages and messages[0].role == 'system' %}
        {{- messages[0].content + '\\n\\n' }}
    {%- endif %}
    {{- "# Tools\\n\\nYou may call functions. They are inside <tools></tools>:\\n<tools>" }}
    {%- for tool in tools %}
        {{- "\\n" }}
        {{- tool | tojson }}
    {%- endfor %}
    {{- "\\n</tools>\\n\\nReturn {\\"name\\": <name>, \\"arguments\\": <args>}<|im_end|>\\n" }}
{%- elif messages and messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(multi_step=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}
    {%- set index = (messages|length - 1) - loop.index0 %}
    {%- if ns.multi_step and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
        {%- set ns.multi_step = false %}
        {%- set ns.last = index %}
    {%- endif %}
{%- endfor %}
{%- for message in messages %}
    {%- if message.content is string %}{%- set content = message.content %}{%- else %}{%- set content = '' %}{%- endif %}
    {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
        {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
    {%- elif message.role == "assistant" %}
        {%- set reasoning = '' %}
        {%- if message.reasoning_content is string %}
            {%- set reasoning = message.reasoning_content %}
        {%- elif '</think>' in content %}
            {%- set reasoning = content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}
            {%- set content = content.split('</think>')[-1].lstrip('\\n') %}
        {%- endif %}
        {%- if loop.index0 > ns.last and (loop.last or (not loop.last and reasoning)) %}
            {{- '<|im_start|>' + message.role + '\\n<think>\\n' + reasoning.strip('\\n') + '\\n</think>\\n\\n' + content.lstrip('\\n') }}
        {%- else %}
            {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- endif %}
        {%- if message.tool_calls %}
            {%- for tool_call in message.tool_calls %}
                {%- if (loop.first and content) or (not loop.first) %}{{- '\\n' }}{%- endif %}
                {%- if tool_call.function %}{%- set tool_call = tool_call.function %}{%- endif %}
                {{- '<tool_call>\\n{"name": "' }}{{- tool_call.name }}{{- '", "arguments": ' }}
                {%- if tool_call.arguments is string %}{{- tool_call.arguments }}{%- else %}{{- tool_call.arguments | tojson }}{%- endif %}
                {{- '}\\n</tool_call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- elif message.role == "tool" %}
        {%- if loop.first or (messages[loop.index0 - 1].role != "tool") %}{{- '<|im_start|>user' }}{%- endif %}
        {{- '\\n<tool_response>\\n' }}{{- content }}{{- '\\n</tool_response>' }}
        {%- if loop.last or (messages[loop.index0 + 1].role != "tool") %}{{- '<|im_end|>\\n' }}{%- endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\\n\\n</think>\\n\\n' }}{%- endif %}
{%- endif %}""",
    "typed parameters": """{%- macro render_type(p) -%}
{%- if p.type is string -%}{{ p.type }}{%- elif p.type is sequence -%}{% for t in p.type %}{{ t }}{% if not loop.last %} | {% endif %}{% endfor %}{%- else -%}any{%- endif -%}
{%- endmacro -%}
{%- macro declare(f, indent=2) -%}
type {{ f.name }} = (
{%- if f.parameters.properties %}_: {
{% for name, p in f.parameters.properties | items %}
{% if p.description %}{{ " " * indent }}// {{ p.description }}
{% endif %}
{{ " " * indent }}{{ name }}{% if name not in (f.parameters.required or []) %}?{% endif %}: {{ render_type(p) }}{% if p.enum %} /* {{ p.enum | join('", "') | upper }} */{% endif %}{% if p.default is defined %} = {{ p.default | tojson }}{% endif %},
{% endfor %}
}{%- endif %}) => any;
{%- endmacro -%}
{% if tools %}<tools>
{% for tool in tools if tool.type == "function" %}{{ declare(tool.function, indent=4) }}
{% endfor %}</tools>
{% endif %}
{% for message in messages %}
{% if message.role == "developer" %}{% continue %}{% endif %}
{% if loop.index > 4 %}{% break %}{% endif %}
<{{ message.role | capitalize }}>{% if message.content is string %}{{ message.content | replace("\\n", " ") }}{% else %}{{ message.content | length }} parts{% endif %}</{{ message.role | title }}>
{% else %}nobody spoke{% endfor %}""",
    "xml calls": """{% macro value(v) %}{% if v is mapping or (v is sequence and v is not string) %}{{ v | tojson }}{% else %}{{ v | string }}{% endif %}{% endmacro %}
{%- set system = messages | selectattr("role", "equalto", "system") | map(attribute="content") | join("\\n\\n") %}
{%- set loop_messages = messages | rejectattr("role", "equalto", "system") | list %}
{{- "<s>" ~ system if system }}
{%- for message in loop_messages %}
{%- if message.role == "assistant" and message.tool_calls is defined and message.tool_calls is not none %}
{%- for call in message.tool_calls %}
<invoke name="{{ call.function.name }}">
{%- for k, v in call.function.arguments.items() %}
<parameter name="{{ k }}">{{ value(v) }}</parameter>
{%- endfor %}
</invoke>
{%- endfor %}
{%- else %}
{{ message.role }}: {{ message.content if message.content is string else (message.content | first).text }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ "\\nassistant:" }}{% if enable_thinking is not defined or enable_thinking %}<think>{% endif %}{% endif %}""",
    "spans": """{% for message in messages %}{% if message.role == 'assistant' %}{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}{% else %}
{{ message.role }}>{{ message.content }}
{% endif %}{% endfor %}""",
    "checks": """{%- if not messages %}{{ raise_exception("no messages") }}{% endif -%}
{%- set ns = namespace(found=false, n=0) -%}
{%- for message in messages -%}
{%- set ns.n = ns.n + 1 -%}
{%- if message["role"] not in ["user", "assistant", "system", "tool"] -%}{{ raise_exception("Unknown role: " + message["role"]) }}{%- endif -%}
{%- if message.role == "tool" and (message.tool_call_id is not defined or message.tool_call_id | length != 9) -%}{{ raise_exception("Tool call IDs should be alphanumeric strings with length 9!") }}{%- endif -%}
[{{ message.role }} {{ loop.index }}/{{ loop.length }} {{ loop.revindex0 }} {{ loop.previtem.role if loop.previtem is defined else "-" }}>{{ loop.nextitem.role if not loop.last else "." }}]
{%- endfor -%}
{{ ns.n }}{{ " " ~ (messages | last).role }}""",
    "dates": """{%- if date_string is not defined %}{%- set date_string = "26 Jul 2024" %}{%- endif %}
{{- bos_token }}{% set has = tools is defined and tools is not none %}
{%- if has %}{{- "Environment: ipython\\n" }}{%- for t in tools %}{{- t | tojson(indent=4) }}{{- "\\n\\n" }}{%- endfor %}{%- endif %}
{{- "Today Date: " + date_string + "\\n\\n" }}
{%- for message in messages %}
    {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\\n\\n' + (message['content'] if message['content'] is string else message['content'] | tojson) | trim + '<|eot_id|>' }}
    {%- elif 'tool_calls' in message %}
        {%- if not message.tool_calls|length == 1 %}{{- raise_exception("This model only supports single tool-calls at once!") }}{%- endif %}
    {%- endif %}
{%- endfor %}""",
}

EXPRESSIONS = """1 + 2 * 3 - 4 / 2 | 7 // 2 | -7 // 2 | -7 % 3 | 2 ** 10 | 7 % -3 | 1.5 + 1 | 10 / 4 | 1e3 | 0.1 + 0.2 | 1 / 3 | 1e16 | 1.5e-7 | 100000.0 | 5 // 0.3
'a' ~ 1 ~ none ~ true | 'ab' * 3 | [1, 2] + [3] | (1, 2) + (3,) | [1] * 2 | 'it''s' "x" | 'a' + 'b' ~ 1 + 2
1 < 2 < 3 | 1 < 2 > 3 | 1 == 1.0 | true == 1 | 'a' < 'b' | [1, 2] < [1, 3] | 1 != 2 | not 1 == 2 | none == none | 'a' in 'cat' | 2 in [1, 2] | 'k' in {'k': 1} | 3 not in [1] | (1, 2) == [1, 2]
1 if true else 2 | (1 if false) | 'x' if '' else 'y' if 0 else 'z' | [] or 'empty' | 1 and 0 and 2 | not none | 0 or false
[1, 'two', 3.0, none, true, [4], {'k': 'v'}, (5,), ()] | {'a': 1, 'b': [1, 2]} | 'tab\\t"q"' | ["it's"] | ['a\\nb', 'é', "\\\\"] | {1: 2, 'x': none}
'hello'[1] | 'hello'[-1] | 'hello'[1:3] | 'hello'[::-1] | 'hello'[:-1] | 'hello'[10:] | [1, 2, 3][::2] | [1, 2, 3][-2:] | 'größe'[2:4] | 'hello'[4:1:-1] | [0, 1, 2, 3][3:0:-2] | (1, 2, 3)[1:] | 'abc'[5] | [1][7]
{'a': {'b': 1}}.a.b | {'a': 1}['a'] | {'items': 5}['items'] | {'a': [7, 8]}.a.1 | {'a': 1}.zz | x.y is defined | nothing | nothing.attr | nothing is defined | {'keys': 3}.keys is callable
' a b '.strip() ~ '|' | 'xxaxx'.strip('x') | 'a,b,,c'.split(',') | ' a  b '.split() | 'a b c'.split(' ', 1) | 'a b c'.rsplit(' ', 1) | 'a\\nb\\r\\nc'.splitlines() | 'abc'.startswith('ab') | 'abc'.endswith(('x', 'c')) | 'aXb'.lower() | 'ab c'.title() | "it's on".title() | 'abC'.capitalize() | 'aaa'.replace('a', 'b', 2) | 'abcabc'.find('c') | 'abcabc'.rfind('c') | 'zz'.find('a') | 'aaa'.count('a') | ','.join(['a', 'b']) | '12'.isdigit() | 'a1'.isalnum() | 'prefix-x'.removeprefix('prefix-') | 'größe'.upper() | ''.isdigit() | 'a<b>c'.split('<b>')[-1] | 'abc'.replace('', '-')
{'a': 1, 'b': 2}.items() | list
{'a': 1}.get('a') | {'a': 1}.get('z') | {'a': 1}.get('z', 9) | [3, 4, 3].index(4) | [3, 4, 3].count(3)
namespace(a=1).a | dict(a=1, b='x') | range(5)[1] | range(0, 9)[2]
"""

FILTERS = """' x '|trim~'|' ;; 'xax'|trim('x') ;; [1,2]|length ;; 'größe'|length ;; {'a':1}|count ;; {'a':[1,{'b':none}],'c':'ü"<'}|tojson ;; {'a':[1,2],'b':{}}|tojson(indent=2) ;; {'b':1,'a':2}|tojson(sort_keys=true) ;; {'a':1}|tojson(separators=(',',':')) ;; 'ü😀'|tojson(ensure_ascii=true) ;; [1.0, 1e20, 0.5]|tojson
nothing|default('d') ;; ''|default('d') ;; ''|default('d', true) ;; none|d('x') ;; 'aB'|upper ;; 'AB'|lower ;; "they're bill's friends (from-the UK)"|title ;; 'fOO bar'|capitalize ;; ['a',1,none]|join('-') ;; ['a','b']|join ;; [{'n':1},{'n':2}]|join(',', attribute='n') ;; [1,2]|first ;; [1,2]|last ;; []|first ;; 'abc'|first ;; 'aXbX'|replace('X','y') ;; 'aaa'|replace('a','b',1) ;; 'abc'|list ;; {'a':1}|list ;; 5|string ;; '12'|int ;; 'x'|int ;; '1.9'|int ;; 3.7|int ;; 'q'|int(7) ;; '1.5'|float ;; -3|abs ;; -3.5|abs ;; 2.567|round(2) ;; 2.5|round ;; 2.1|round(method='ceil') ;; [3,1,2]|sort ;; ['b','A','c']|sort ;; [3,1,2]|sort(reverse=true) ;; [{'k':2},{'k':1}]|sort(attribute='k') ;; [1,2,1,3]|unique|list ;; ['a','A']|unique|list ;; [1,2,3]|sum ;; [{'v':1},{'v':2}]|sum(attribute='v') ;; [3,1,2]|max ;; [3,1,2]|min ;; {'b':1,'a':2}|dictsort ;; {'b':1,'a':2}|dictsort(by='value') ;; [1,2,3]|reverse|list ;; 'abc'|reverse ;; {'a':1}|items|list ;; [1,2,3,4]|select('odd')|list ;; [1,2,3]|reject('gt', 1)|list ;; [0,1,'',2]|select|list ;; [{'a':1},{'a':2}]|selectattr('a','eq',2)|list ;; [{'a':1},{'b':2}]|selectattr('a')|list ;; [{'a':1},{'b':2}]|rejectattr('a','defined')|list ;; [{'a':{'b':1}}]|map(attribute='a.b')|list ;; ['a','b']|map('upper')|list ;; [{'a':1},{}]|map(attribute='a', default=0)|list ;; 'a\\nb\\n\\nc'|indent ;; 'a\\nb'|indent(2, true) ;; 'a\\n\\nb'|indent(2, blank=true) ;; 'a\\nb'|indent('>>') ;; '<a href="x">&'|escape ;; 'a b c'|wordcount ;; [1,2,3,4,5]|batch(2)|list ;; 'x'|safe ;; -5|abs|string ;; [[1,2],[3]]|map('length')|list ;; ' a'|trim|upper
3 is odd ;; 4 is even ;; 9 is divisibleby 3 ;; 9 is divisibleby(3) ;; 'a' is string ;; 1 is number ;; 1.5 is float ;; 1 is integer ;; true is boolean ;; true is integer ;; none is none ;; [] is sequence ;; {} is mapping ;; {} is iterable ;; 'x' is iterable ;; 5 is iterable ;; 1 is sameas 1 ;; true is true ;; 1 is true ;; false is false ;; 'a' is in ['a'] ;; 2 is gt 1 ;; 2 is lt(1) ;; 2 is le 2 ;; 1 is ne 2 ;; 1 is eq 1 ;; 'abc' is lower ;; 'ABC' is upper ;; range is callable ;; nothing is undefined ;; nothing is not defined ;; 3 is not odd ;; 'trim' is filter ;; 'odd' is test ;; not 3 is odd ;; 1 is defined and 2 is defined ;; (1, 2) is sequence ;; 'a' is string and 'b' is string or false
"""

STATEMENTS = [
    "{% for i in range(3) %}{{ i }},{% endfor %}", "{% for i in [] %}x{% else %}none{% endfor %}",
    "{% for a, b in [(1, 2), (3, 4)] %}{{ a }}-{{ b }} {% endfor %}", "{% for k in {'x': 1, 'y': 2} %}{{ k }}{% endfor %}",
    "{% for i in range(6) if i is even %}{{ loop.index }}:{{ i }}/{{ loop.length }} {% endfor %}",
    "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% elif i > 4 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "{% set x = 1 %}{% for i in range(3) %}{{ x }}{% set x = x + 1 %}{{ x }} {% endfor %}{{ x }}",
    "{% set ns = namespace(x=0) %}{% for i in range(4) %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}", "{% set t %} text {{ 1 + 1 }} {% endset %}[{{ t }}]", "{% set t | trim | upper %} text {% endset %}[{{ t }}]",
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ m(1) }} {{ m(1, c=3) }} {{ m(1, 5, 6) }} {{ m() }}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, k=3) }}",
    "{% macro box(t) %}<{{ t }}>{{ caller() }}</{{ t }}>{% endmacro %}{% call box('b') %}in{{ 1 }}{% endcall %}",
    "{% macro each(l) %}{% for i in l %}{{ caller(i) }}{% endfor %}{% endmacro %}{% call(i) each([1, 2]) %}({{ i }}){% endcall %}",
    "{% macro f(n) %}{{ n }}{% if n > 0 %}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(4) }}",
    "{% for n in [{'v': 1, 'c': [{'v': 2, 'c': []}]}] recursive %}{{ n.v }}{{ loop.depth }}{% if n.c %}({{ loop(n.c) }}){% endif %}{% endfor %}",
    "{% filter upper %}abc {{ 'x' }}{% endfilter %}", "{% filter trim | replace('a', 'b') %}  aca  {% endfilter %}",
    "{% raw %}{{ x }} {% if %}{% endraw %}", "a{# comment #}b", "a {#- comment -#} b", "{# c #}\nx", "{{ 'a' }}\n{{ 'b' }}\n",
    "  {% if true %}\n  x\n  {% endif %}\n  y", "  {%+ if true %}\n  x\n  {% endif +%}\n  y", "a\n  {%- if true -%}  \n b {%- endif -%}\n c", "x {% if 1 %} y {% endif %} z",
    "{% if a is defined %}A{% elif b is not defined %}B{% else %}C{% endif %}", "{% if 1 %}{% if 0 %}x{% else %}y{% endif %}{% endif %}",
    "{% for i in range(3) %}{{ loop.cycle('a', 'b') }}{{ loop.first }}{{ loop.last }}{{ loop.revindex }} {% endfor %}",
    "{% for i in [1, 1, 2] %}{{ loop.changed(i) }}{% endfor %}", "{% for i in [1, 2, 3] %}{{ loop.previtem }}<{{ i }}>{{ loop.nextitem }};{% endfor %}",
    "{% for c in 'aé日' %}{{ c }}.{% endfor %}", "{{ 'a\\u00e9\\x41\\n' }}", "{{ \"it's\" }}{{ 'say \"hi\"' }}", "line\r\nnext\rlast", "{{ {'a': 1}.items() | list }}",
    "{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}", "{% for i in range(2) %}{% for j in range(2) %}{{ loop.index }}{{ i }}{{ j }} {% endfor %}{{ loop.index }} {% endfor %}",
    "{% set x = 5 if false else 6 %}{{ x }}", "{{ (1, 2, 3) | join('+') }}", "{% if 'a' in 'abc' and not 'z' in 'abc' %}yes{% endif %}", "{{ -1 | abs }}", "{{ 1, 2 }}", "{{ [1,2,] }}{{ {'a':1,} }}{{ (1,) }}",
    "{% set l = [1] %}{% if true %}{% set l = l + [2] %}{% endif %}{{ l }}", "{{ strftime_now('%Y') | length }}", "{{ range(5) | list }}{{ range(2, 8, 3) | list }}{{ range(3, 0, -1) | list }}", "   {{ 1 }}   \n  {# c #}  \n  {{ 2 }}", "{%- set x = 1 -%}\n\n{{ x }}\n\n",
    "{% macro m(x) %}{{ y }}{{ x }}{% endmacro %}{% set y = 2 %}{{ m(1) }}", "{% set s = 'ab' %}{% for c in s %}{% set s = s + c %}{% endfor %}{{ s }}", "{{ 'x' if messages is defined and messages }}",
    "{{ 'a b'.split() | map('capitalize') | join(' ') }}", "{{ ['x'] | tojson | safe }}", "{%if 1%}a{%endif%}{%-  if 1  -%} b {%-  endif  %}", "{{ none }}|{{ true }}|{{ 1.0 }}|{{ [none] }}", "{{ '%s' }}{ x } { { } }", "{{ 3 ~ '' ~ [1] }}",
    # what must be refused
    "{{ 1 + 'a' }}", "{{ nothing.a.b }}", "{{ nothing() }}", "{{ raise_exception('no') }}", "{% if %}{% endif %}", "{% for x in 5 %}{% endfor %}", "{{ 1 / 0 }}", "{{ 'a' | nofilter }}", "{{ 1 is notest }}",
    "{% for %}", "{% endif %}", "{{ (1 }}", "{{ 'abc }}", "{{ [].append(1) }}", "{{ {}.update({}) }}", "{% set x.y = 1 %}", "{{ ''.__class__ }}", "{% if 1 %}", "{{ 1 < 'a' }}", "{{ 'a' - 1 }}", "{{ 5[0:1] }}", "{% break %}", "{{ none | length }}", "{{ x = 1 }}", "{# open",
]


def main():
    if len(sys.argv) > 1:
        texts = {f.split("/")[-1]: open(f, newline="").read() for f in sorted(glob.glob(sys.argv[1] + "/*.jinja*"))}
    else:
        texts = TEMPLATES
    cases = [c for name, text in texts.items() for c in talks(text, name)]
    if len(sys.argv) == 1:
        for line in EXPRESSIONS.strip().split("\n"):
            pieces = [line] if line.endswith("| list") and line.count("|") == 1 else line.split(" | ")
            for e in pieces:
                text = "{{ " + e + " }}"
                cases.append(dict(name=e, text=text, vars={}, **render(text, {})))
        for line in FILTERS.strip().split("\n"):
            for e in line.split(" ;; "):
                text = "{{ " + e + " }}"
                cases.append(dict(name=e, text=text, vars={}, **render(text, {})))
        for text in STATEMENTS:
            cases.append(dict(name=text[:40], text=text, vars={}, **render(text, {})))
    json.dump({"templates": texts, "cases": cases}, sys.stdout, ensure_ascii=False, indent=None, separators=(",", ":"))
    print()


main()
