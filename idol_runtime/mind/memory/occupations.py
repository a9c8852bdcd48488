"""Which words behind "I'm a" are what somebody does for a living."""

import re
from typing import Final

_NAMED: Final = """
accountant actor actress admin administrator analyst anaesthetist archaeologist architect
archivist artist astronaut astronomer athlete attorney au-pair author baker banker barber
bartender barista beautician beekeeper biologist blacksmith bookkeeper bookseller brewer
bricklayer broker builder butcher butler captain caregiver caretaker carer carpenter cashier
chauffeur chef chemist childminder chiropractor civil-servant cleaner clerk coach cobbler coder
comedian composer conductor consultant contractor cook copywriter counsellor counselor courier
craftsman curator cyclist dancer decorator dentist designer detective developer dietitian
diplomat director diver doctor doorman drummer driver economist editor electrician engineer
entrepreneur estate-agent executive farmer farmhand fireman firefighter fisher fisherman florist
footballer freelancer gamekeeper gardener geologist glazier goldsmith guard guide guitarist
hairdresser handyman historian homemaker housewife housekeeper hunter illustrator influencer
inspector instructor interpreter investigator investor janitor jeweller jeweler joiner
journalist judge juggler kindergarten-teacher labourer laborer landlord landscaper lawyer
lecturer librarian lifeguard linguist locksmith logger lorry-driver machinist magician maid
mailman manager marketer mason masseur mathematician mechanic medic merchant meteorologist
midwife milkman miner minister model monk musician nanny neurologist notary novelist nun nurse
nutritionist officer optician painter paralegal paramedic pastor pastry-chef pathologist
pediatrician performer pharmacist philosopher photographer physicist physician physiotherapist
physio pianist pilot plumber poet policeman policewoman politician porter postman potter
president priest principal producer professor programmer prosecutor psychiatrist psychologist
publisher quantity-surveyor rabbi radiologist ranger realtor receptionist recruiter referee
reporter researcher roofer sailor salesman salesperson saleswoman scholar scientist screenwriter
sculptor seamstress secretary security-guard server shepherd shoemaker shopkeeper singer
social-worker soldier solicitor songwriter statistician steward stewardess stonemason streamer
student stuntman surgeon surveyor tailor taxi-driver teacher technician telemarketer therapist
tiler tour-guide trader trainer translator trucker tutor typist undertaker upholsterer
veterinarian vet violinist vicar waiter waitress watchmaker weaver welder window-cleaner
woodworker worker writer youtuber zookeeper zoologist intern apprentice trainee schoolteacher
freshman sophomore undergraduate postdoc phd teaching-assistant dad-of stay-at-home-dad
stay-at-home-mom
"""
_OCCUPATIONS: Final = frozenset(_NAMED.split())
_ENDING: Final = re.compile(
    r"\w{3,}(?:ologist|ographer|smith|wright|herd|keeper|maker|technician|mechanic|driver|teacher"
    r"|engineer|developer|designer|manager|officer|worker|assistant|agent|analyst"
    r"|consultant|student|owner)"
)
_NEVER: Final = re.compile(
    r"(?i)\b(?:fan|lover|bit|little|lot|mess|person|believer|big|huge|good|bad|great"
    r"|terrible|horrible|awful|fast|slow"
    r"|kind|nice|different|real|lousy|light|heavy|hopeless|better|worse|dream"
    r"|wannabe|happy|sad|total)\b"
)


def is_occupation(phrase: str) -> bool:
    """Whether `freelance web designer` names one; a `bad singer` and a `night owl` do not."""
    words = phrase.lower().replace("-", " ").split()
    if not words or len(words) > 5 or _NEVER.search(phrase):
        return False
    if re.fullmatch(
        r"(?i)(?:stay at home|full time) (?:dad|mom|mum|mother|father|parent)", " ".join(words)
    ):
        return True
    last_two = "-".join(words[-2:])
    return (
        words[-1] in _OCCUPATIONS
        or last_two in _OCCUPATIONS
        or _ENDING.fullmatch(words[-1]) is not None
    )
