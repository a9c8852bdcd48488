"""Chat templates in the manner of well-known models', each as short as its manner allows."""

CHATML = """\
{% for message in messages %}<|im_start|>{{ message['role'] }}
{{ message['content'] }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

LLAMA_3 = """\
{{- bos_token }}{%- if not date_string is defined %}
{%- set date_string = strftime_now("%d %b %Y") %}{%- endif %}
{%- for message in messages %}
{{- '<|start_header_id|>' + message.role + '<|end_header_id|>\n\n' }}
{%- if loop.first and message.role == 'system' %}{{- 'Today: ' + date_string + '\n\n' }}{%- endif %}
{{- message.content | trim + '<|eot_id|>' }}{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}"""

LLAMA_2 = """\
{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}
{% set system_message = messages[0]['content'] %}
{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}
{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
{% endif %}{% if loop.index0 == 0 and system_message != false %}
{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content'] %}
{% else %}{% set content = message['content'] %}{% endif %}
{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}
{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}
{% endfor %}"""

MISTRAL = """\
{{- bos_token }}{%- if messages[0].role == 'system' %}{%- set system = messages[0].content %}
{%- set rest = messages[1:] %}{%- else %}{%- set rest = messages %}{%- endif %}
{%- set ns = namespace(index=0) %}
{%- for message in rest %}{%- if not message.tool_calls is defined %}
{%- if (message.role == 'user') != (ns.index % 2 == 0) %}
{{- raise_exception('After the optional system message, roles must alternate') }}{%- endif %}
{%- set ns.index = ns.index + 1 %}{%- endif %}{%- endfor %}
{%- for message in rest %}{%- if message.role == 'user' %}
{%- if loop.last and system is defined %}{{- '[INST] ' + system + '\n\n' + message.content }}
{%- else %}{{- '[INST] ' + message.content }}{%- endif %}{{- '[/INST]' }}
{%- else %}{{- ' ' + message.content | trim + eos_token }}{%- endif %}{%- endfor %}"""

MISTRAL_WITHOUT_SYSTEM = """\
{{ bos_token }}{% for message in messages %}
{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}
{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token }}
{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}
{% endfor %}"""

GEMMA = """\
{{ bos_token }}{% if messages[0]['role'] == 'system' %}
{{ raise_exception('System role not supported') }}{% endif %}
{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}
{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}
{% endif %}{% if message['role'] == 'assistant' %}{% set role = 'model' %}
{% else %}{% set role = message['role'] %}{% endif %}
{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}
{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"""

QWEN_3 = """\
{%- if tools %}{{- '# Tools\n' + tools | tojson }}{%- endif %}
{%- set ns = namespace(last=messages | length - 1, looking=true) %}
{%- for message in messages[::-1] %}{%- set index = (messages | length - 1) - loop.index0 %}
{%- if ns.looking and message.role == "user" and message.content is string and
 not (message.content.startswith('<tool_response>')) %}{%- set ns.looking = false %}
{%- set ns.last = index %}{%- endif %}{%- endfor %}
{%- for message in messages %}{%- set content = message.content %}
{%- if message.role == "assistant" and '</think>' in content %}
{%- set content = content.split('</think>')[-1].lstrip('\n') %}{%- endif %}
{{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}
{{- '<think>\n\n</think>\n\n' }}{%- endif %}{%- endif %}"""

SYSTEM_AT_THE_BEGINNING = """\
{%- for message in messages %}{%- if message.role == 'system' and not loop.first %}
{{- raise_exception('System message must be at the beginning.') }}{%- endif %}
{{- '<|' + message.role + '|>' + message.content + '<|end|>' }}{%- endfor %}
{{- '<|assistant|>' }}"""

IN_PARTS = """\
{% for message in messages %}<|im_start|>{{ message.role | capitalize }}:
{%- for part in message['content'] %}{% if part['type'] == 'text' %} {{ part['text'] }}{% endif %}
{%- endfor %}<end_of_utterance>
{% endfor %}Assistant:"""

TRAINED = """\
{%- for message in messages %}{%- if message.role == 'assistant' %}{{ '<|assistant|>' }}
{%- generation %}{{ message.content + eos_token }}{%- endgeneration %}
{%- else %}{{ '<|' + message.role + '|>' + message.content }}{%- endif %}{%- endfor %}
{{- '<|assistant|>' }}"""

EVERYTHING = """\
{%- if tools is not none and tools %}{{ raise_exception('no tools here') }}{% endif -%}
{%- set ns = namespace(found=false) -%}{%- macro mark(role) -%}<{{ role | upper }}>{%- endmacro -%}
{%- for message in messages -%}
{%- if not message.content -%}{%- continue -%}{%- endif -%}
{{ mark(message.role) }}{{ {"role": message.role, "ü": 1} | tojson(indent=1) }}{{ message.content }}
{%- if loop.index > 1000 -%}{%- break -%}{%- endif -%}{%- endfor -%}
{{ strftime_now('%Y') | int > 1999 }}{{ dict(a=1).a }}{{ range(3) | list | join('') }}"""

TAKEN = {
    "chatml": CHATML,
    "llama 3": LLAMA_3,
    "llama 2": LLAMA_2,
    "mistral": MISTRAL,
    "mistral without system": MISTRAL_WITHOUT_SYSTEM,
    "gemma": GEMMA,
    "qwen 3": QWEN_3,
    "system at the beginning": SYSTEM_AT_THE_BEGINNING,
    "in parts": IN_PARTS,
    "marked for training": TRAINED,
    "everything": EVERYTHING,
}
"""Templates that a character can use."""

REFUSED = {
    "a syntax error": ("{% for message in messages %}", "does not compile"),
    "an unknown tag": ("{% include_tools %}", "does not compile"),
    "an unknown filter": ("{{ messages | shout }}", "does not compile"),
    "an undefined name": (
        "{{ tool_names.all }}",
        r"refuses a question: .*'tool_names' is undefined",
    ),
    "tools demanded": (
        "{{ tools | length }}",
        r"refuses a question: .*NoneType.* has no len",
    ),
    "nobody may speak": (
        "{{ raise_exception('out of order') }}",
        r"refuses a question: .*out of order",
    ),
    "the user left out": (
        "{% for message in messages if message.role != 'user' %}{{ message.content }}{% endfor %}",
        "leaves out what the user says in a question",
    ),
    "contents cut": (
        "{% for message in messages %}{{ message.content[1:] }}{% endfor %}",
        "leaves out what the user says",
    ),
    "the last message alone": (
        "{{ messages[-1].content }}",
        "leaves out what the system says in a persona and a question",
    ),
    "python behind it": ("{{ ''.__class__.__mro__ }}", "is unsafe|is undefined"),
    "more memory than there is": ("{{ 'x' * 10 ** 12 }}", "not allowed"),
    "loops without end": (
        "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
        "counts further than 100000",
    ),
    "a text without end": ("{{ ('x' * 99999) * 99999 }}", "not allowed"),
}  # fmt: skip
"""Templates that no arrangement helps, and what is said of them."""
