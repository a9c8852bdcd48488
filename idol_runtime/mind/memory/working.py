"""What somebody does for a living, or studies. English."""

import re
from collections.abc import Iterator
from typing import Final

from idol_runtime.mind.memory.facts import Change, Dropped, Fact, Learned
from idol_runtime.mind.memory.occupations import is_occupation
from idol_runtime.mind.memory.statements import Statement
from idol_runtime.mind.memory.wording import said_of, third_person, trimmed

_JOB_ENDS: Final = re.compile(
    r"\s*[,;:].*$|\s+(?:and|but|so|because|who|that|which|by (?:trade|profession)"
    r"|for a living|for (?:\d+|\w+|many|over \w+|about \w+) years|now|since|with).*$",
    re.IGNORECASE,
)


def work_of(statement: Statement) -> Iterator[Change]:
    text = trimmed(statement.text)
    if re.match(
        r"(?i)(?:i|i've|i have)(?: just)? (?:quit|lost|left|resigned from|got fired from"
        r"|was fired from) (?:my|the) job"
        r"|i(?:'m| am) (?:unemployed|out of work|retired|between jobs)|i (?:got"
        r"|was) (?:fired|laid off)|i (?:have )?retired\b",
        text,
    ):
        yield Dropped("job")
        if found := re.match(r"(?i)i(?:'m| am) (retired|unemployed)", text):
            yield _learned("job", f"is {found[1].lower()}", found[1].lower())
        elif re.match(r"(?i)i (?:have )?retired\b", text):
            yield _learned("job", "is retired", "retired")
        return
    if re.match(
        r"(?i)i(?:'m| am)? (?:no longer|don't|not|do not)\b.*\b(?:work|working|a|an)\b", text
    ):
        yield from _no_longer(text)
        return
    if found := re.match(
        r"(?i)(?:i(?:'m| am)(?: (?:now|also|currently|actually|just|only|still|really))*"
        r"|i (?:just )?became|i work(?: (?:now|part[ -]time|full[ -]time|mostly|mainly"
        r"|nights))* as|my (?:day |main |current )?(?:job|occupation|profession"
        r"|work) is(?: (?:to be|being))?|i(?:'ve| have) been|i(?:'m| am) (?:employed"
        r"|working) as|i(?:'m| am) training to be|i used to be)"
        r" (?:an? |the )(?P<job>.+)",
        text,
    ):
        job = trimmed(_JOB_ENDS.sub("", found["job"]))
        is_told = re.match(r"(?i)i work|my|i(?:'m| am) (?:employed|working)", text) is not None
        core = re.split(r"(?i)\s+(?:in|at|for|from|on|of|near)\s+", job)[0]
        if 0 < len(job.split()) <= 8 and (is_told or is_occupation(core)):
            article = "an" if job[0].lower() in "aeiou" else "a"
            if re.match(r"(?i)i used to be", text):
                yield _learned("job/before", f"used to be {article} {said_of(job)}", core)
                return
            learning = "is training to be" if re.match(r"(?i)i(?:'m| am) training", text) else "is"
            job_text = f"{learning} {article} {said_of(job)}"
            place = re.search(r"\s+from ([A-Z][\w-]+(?: [A-Z][\w-]+)?)$", job)
            if place:
                yield Learned(Fact("place", "origin", f"comes from {place[1]}", place[1]))
                job_text = job_text.removesuffix(place[0])
            yield _learned("job", job_text, core)
        return
    if found := re.match(
        r"(?i)i work(?P<how> (?:part[ -]time|full[ -]time|nights|shifts|night shifts"
        r"|from home|remotely|mostly))? ?(?P<rest>(?:at|for|in|on|with) (?!progress|it\b"
        r"|that\b|this\b|you\b|my\b|myself).+)?$",
        text,
    ):
        rest = " ".join(filter(None, [(found["how"] or "").strip(), trimmed(found["rest"] or "")]))
        if rest and len(rest.split()) <= 9:
            slot = "job/hours" if not found["rest"] else "job/place"
            yield _learned(slot, f"works {said_of(rest)}", rest)
        return
    if found := re.match(
        r"(?i)i(?:'m| am) (?:working|employed) (?P<rest>(?:at|for|in) (?:an? |the )?[\w' -]+)$",
        text,
    ):
        yield _learned("job/place", f"works {said_of(found['rest'])}", found["rest"])
    elif found := re.match(r"(?i)my (?:job|work) is (?P<what>[a-z]+ing [\w' -]+)$", text):
        yield _learned("job", f"has the job of {said_of(found['what'])}", found["what"])
    elif found := re.match(r"(?i)i (?P<what>[a-z]+ [\w' -]+) for a living", text):
        yield _learned("job", f"{third_person(found['what'])} for a living", found["what"])
    elif found := re.match(
        r"(?i)(?:i(?:'m| am)(?: (?:currently|now))? (?P<ing>studying|majoring in)"
        r"|i(?: (?:currently|now))? (?P<plain>study|major in)) (?!for\b|you\b|hard\b"
        r"|a lot\b|it\b)(?P<what>[\w' -]+)$",
        text,
    ):
        what = trimmed(found["what"])
        if len(what.split()) <= 6:
            yield _learned("study", f"studies {said_of(what)}", what)
    elif (
        found := re.match(
            r"(?i)i (?:go to|attend) (?P<school>(?:(?!the\b|a\b|my\b)[\w'-]+ ){0,4}(?:school"
            r"|university|college|academy|uni))(?P<where> (?:in|at) [A-Z]\w+)?$",
            text,
        )
    ) and found["school"].strip().lower() != "school":
        where = f"{found['school']}{found['where'] or ''}"
        yield _learned("study/place", f"goes to {where}", found["school"])


def _no_longer(text: str) -> Iterator[Change]:
    if re.match(r"(?i)i (?:no longer|don't|do not) work\b", text):
        yield Dropped("job")
        yield Dropped("job/place")
    elif (
        found := re.match(r"(?i)i(?:'m| am) (?:no longer|not) an? (?P<job>[\w -]+)", text)
    ) and is_occupation(trimmed(found["job"])):
        yield Dropped("job", trimmed(found["job"]))


def _learned(slot: str, text: str, value: str) -> Learned:
    return Learned(Fact("job", slot, text, value))
