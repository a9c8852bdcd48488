"""Words that tell a name from what is none, where nobody writes capitals."""

from typing import Final

_GIVEN: Final = """
aaron abby abigail adam adrian ahmed aisha akira alan albert alejandro alex alexander alexandra
alexis alfie ali alice alicia alina alison allison alma amanda amber amelia amir amy ana anders
andrea andreas andrew andy angel angela angie anita anja ann anna anne annie anthony anton
antonio aoi aria ariana arthur asha ashley astrid ava ayaka ayumi barbara beatrice ben benjamin
bella bernard beth bianca bill billy bob bobby boris brandon brenda brian bruce bruno bryan
caleb camila carl carla carlos carmen carol caroline catherine cathy cecilia charles charlie
charlotte chen chloe chris christina christine christopher claire clara claudia cody colin
connor craig cynthia daisuke dan dana daniel daniela danny david dean deborah dennis derek diana
diego dmitri dominic donald donna dora doris dorothy doug dylan eddie edgar edith eduardo edward
elena eli elias elijah elisa elisabeth elizabeth ella ellen ellie elliot eloise elsa emil emilia
emily emma emmanuel enrique eric erica erik erika erin ernest esther ethan eva evan eve evelyn
fatima felipe felix fernando fiona florian frances francesca francis francisco frank fred
freddie frederick freya fritz gabriel gabriela gary gavin george georgia gerald gina giulia
giovanni gloria gordon greg gregory greta gustav hailey haley hana hannah hans harold haruka
haruki harry harvey hassan heather heidi helen helena henrik henry hiro hiroshi holly howard
hugh hugo ian ibrahim ida igor ines ingrid irene iris isaac isabel isabella isla ivan jack
jackie jackson jacob jade jake james jamie jan jane janet jason jasmine javier jean jeff jeffrey
jenna jennifer jenny jeremy jerry jesse jessica jim jimmy joan joanna joe joel johan john johnny
jon jonas jonathan jordan jorge jose josef joseph josh joshua joyce juan judith judy julia
julian julie julien juliet jun justin kai kaito kana karen karin karl kate katherine kathleen
kathy katie katja katrina kayla keith kelly ken kenji kenneth kenta kevin kim kimberly kirsten
klaus kristen kumar kyle lara larry lars laura lauren laurence layla lea leah lee lena leo leon
leonard leonardo lewis li liam lily linda lisa liz logan lola lorenzo louis louise luca lucas
lucia lucy luis luke luna lydia mabel madison magnus makoto malik marc marcel marco marcus
margaret maria marie marina mario marion mark marta martha martin marvin mary mateo matt matteo
matthew maya megan mei melanie melissa mia michael michelle miguel mika mike mila miles milo
mina mona
mohamed mohammed molly monica morgan muhammad nadia nancy naomi natalia natalie nate nathan
neil nele nia niamh nick nicholas nicola nicole nikita nikolai nils nina noah noel nora norman
odin olaf oleg olga oliver olivia omar oscar otto owen pablo paige pamela patricia patrick paul
paula pedro penny peter petra phil philip phoebe pia pierre priya rachel rafael raj ralph ramon
ray raymond rebecca ricardo richard rick rita rob robert roberto robin rodrigo roger roland
roman ron ronald rory rosa rose rosie ross roy ruben ruby ryan ryo sabrina sakura sally sam
samantha samir samuel sandra santiago sara sarah sasha scott sean sebastian serena sergei seth
shannon sharon shaun shawn sheila simon simone sofia sofie sonia sophia sophie stefan stella
stephanie stephen steve steven stuart sue susan susie sven svetlana sylvia taro tara taylor ted
teresa tess theo theodore theresa thomas tim timothy tina tobias toby todd tom tomas tommy toni
tony tracy travis tyler ulrich ursula uwe valentina valeria vanessa vera veronica victor
victoria vikram viktor vincent violet viola virginia vivian walter wanda wayne wei wendy will
william willow xavier yan yara yasmin yosef yuki yuna yuri yusuf yvonne zac zach zachary zara
zoe
"""
GIVEN_NAMES: Final = frozenset(_GIVEN.split())
_OTHERS: Final = """
a able about afraid again ago alive all allergic alone almost already always am american amazed
amazing an and angry annoyed anxious arab argentinian armenian as ashamed asian asleep at
australian austrian available awake aware away awesome awful back bad batman beautiful because
bedtime belgian better big bisexual bit bored boring brazilian british broke broken buddhist
bulgarian busy but by calm canadian cancer capricorn catholic certain chilean chilling chinese
christian cold colombian coming confused cool crazy croatian crying cuban curious cute czech
danish dead deaf deep depressed desperate devastated different disabled disappointed divorced
dizzy done down doing drunk dutch dying early eating egyptian eighteen embarrassed engaged
english even every everything excited exhausted fairly fat feeling fed female filipino fine
finished finnish first following for free french fresh from full fun funny furious gay gemini
german getting glad god going gone good grateful great greek grumpy guilty happy hard hardly
having he healthy heartbroken here high him hindu his home homesick honest honored hopeless
hoping hot how human hungarian hungry hurt hot icelandic if ill important in indian indonesian
innocent inside interested into introverted iranian iraqi irish israeli it italian jamaican
japanese jealous jewish joking just kenyan kidding kind korean late later latin learning leaving
left lesbian less libra listening literally living locked lonely long looking lost lovely lucky
mad made male malaysian married maybe me mean mexican mine missing mom more moroccan mostly
moving muslim my named nearly nervous never new next nigerian nine nobody none normal norwegian
not nothing now nowhere obsessed of off offended often ok okay old older on once one only open
or orange out outside over overwhelmed pakistani perfect peruvian pisces planning playing
pleased polish poor portuguese positive pregnant pretty probably proud quite ready real really
reading relaxed relieved religious retired rich right romanian rude running russian sad safe
sagittarius saudi saying scared scottish scorpio serbian serious seriously seventeen shocked
short shy sick silly single sitting sixteen sleeping sleepy slow slowly smart so sober some
someone something sometimes soon sorry spanish speaking speechless starting starving still
stressed strong stuck stupid such super supposed sure surprised swedish swiss syrian taiwanese
taking talking tall taurus telling terrible terrified thai thankful that the their there these
they thinking thirsty this those thrilled tired to today together tomorrow tonight too torn
touched trans trapped traveling travelling trying turkish twenty two ugly ukrainian unable under
unemployed unhappy unsure up upset used useless usually vegan vegetarian very vietnamese virgo
waiting wandering wanting watching we weird welsh what when where who whole why wide willing
with without wondering working worried wrong yelling yes you young your yours yourself zulu
aquarius aries ticklish crushed ecstatic delighted bilingual whatever anytime names anything
everyone everybody anybody anyone her batshit ever enough easy simple complicated written hidden
mentioned mud boringly unusual unique common rare secret classified irrelevant private
unimportant spelled spelt pronounced captainless monday tuesday wednesday thursday friday
saturday sunday january february march june july september october november december
"""
NO_NAMES: Final = frozenset(_OTHERS.split())
"""What may stand behind "I'm" or "call me" and is nobody's name."""
