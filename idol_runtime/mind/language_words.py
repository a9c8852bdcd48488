"""Words by which a short line tells its language: those that everybody uses and that are rare or
unknown in the others. Scripts tell the rest.
"""

from typing import Final

WORDS: Final[dict[str, frozenset[str]]] = {
    language: frozenset(words.split())
    for language, words in {
        "en": """the and you your yours are is was were what where when why who how which this
            that these those have has had do does did don't can can't could would should
            will won't my mine me i i'm i've i'll it's its it of to for from with about not
            but they them their he she his her we our us hello hi hey please thanks thank
            yes yeah today tomorrow yesterday because there here tell think know want like
            love really just been am be an name good nice morning night feel feeling let's
            two three joke dog cat dance sing song wave live lives work works get up at in
            shop closed open old new time day title say said talk speak friend no look looks
            tired happy sad funny so very much many how's where's play come go see need help
            any some more""",
        "es": """el los las una unos unas y que qué cómo como cuál cuándo dónde donde quién quien
            por porque para pero con sin del al muy más mas también tambien este esta estos
            estas eso esa ese estoy estás está estamos son soy eres tengo tienes tiene hay
            hola gracias adiós adios buenos buenas días dias tardes noches señor señora me
            te se lo le mi tu su yo tú usted ustedes nosotros ellos ella él sí quiero
            quieres puedo puedes puede hacer hablar hablas llamo llamas gusta gustan hoy
            mañana ayer bien mal todo nada algo siempre nunca favor nombre vives cuéntame
            cuentame perro gato murió hambre canción cancion música musica cantar comer
            bailar triste feliz amigo amiga chiste tal dime dame vivo edad años no entiendo
            cuánto cuanto cuesta hermana hermano madre padre casa tienda espada ayuda
            necesito sabes sé tan cansado cansada""",
        "fr": """le les des une et est c'est que qu'est quoi comment où quand pourquoi qui quel
            quelle je j'ai j'aime tu il elle nous vous ils elles suis es sommes êtes sont ai
            as avez ont mon ma mes ton ta tes son sa ses notre votre leur pas ne n'est très
            plus aussi avec sans pour dans sur mais ou donc bonjour bonsoir salut merci oui
            non au aux du ce cette ces ça ca va fait faire veux peux peut parle parles
            m'appelle t'appelles aujourd'hui demain hier bien beaucoup tout rien toujours
            jamais s'il plaît raconte blague aime habites chien chat mort triste heureux
            musique chanter manger danser ami amie ans dis donne appelle t'aime t'es c'était
            combien coûte comprends entends frère sœur mère père maison besoin sais sait
            peur content contente fatigué fatiguée""",
        "de": """der die das und ist nicht ich du er sie wir ihr mich mir dich dir uns euch sein
            bin bist sind seid war waren habe hast hat haben kann kannst können will willst
            möchte muss mein meine meinen dein deine deinen ein eine einen einem einer kein
            keine mit ohne für von zu zum zur auf aus bei nach über unter aber oder weil
            dass wenn wie was wer wo wann warum welche welcher hallo danke bitte ja nein
            guten tag morgen abend nacht heute gestern gut sehr auch noch schon immer nie
            mal heißt heiße heißen geht gern gerne hund katze gestorben traurig lied singen
            tanzen essen freund freundin jahre alt erzähl witz schön wohnst arbeite kostet
            welches magst mag liebsten laden verstehe bruder schwester mutter vater haus
            brauche weiß weißt glücklich müde""",
        "it": """il lo gli una uno e è che cosa come dove quando perché perche chi quale per con
            senza del della dei delle nel nella sul sulla di da ma o anche molto più piu
            questo questa questi queste quello quella sono sei siamo siete ho hai ha abbiamo
            avete hanno io tu lui lei noi voi loro mi ti ci vi mio mia tuo tua suo sua ciao
            grazie prego buongiorno buonasera sì si non voglio vuoi posso puoi può fare
            parlare parli chiamo chiami piace oggi domani ieri bene male tutto niente sempre
            mai stai sto mille cane gatto morto triste felice musica cantare mangiare
            ballare amico amica anni raccontami barzelletta dimmi lavoro vivo abiti no
            quanto costa vivi capisco fratello sorella madre padre casa bisogno so sai
            stanco stanca""",
        "pt": """o os as um uma e é que quê como onde quando porque por para com sem do da dos
            das no na nos nas em mas ou também tambem muito mais este esta isto isso esse
            essa aquele são sou és está estou estás estamos tenho tem temos têm há eu tu
            você vocês ele ela nós eles elas meu minha teu tua seu sua olá ola oi obrigado
            obrigada adeus bom boa dia tarde noite sim não nao quero quer posso pode fazer
            falar fala chamo chama gosto gosta hoje amanhã ontem bem mal tudo nada sempre
            nunca favor nome cachorro cão gato morreu triste feliz música cantar comer
            dançar amigo amiga anos conta piada trabalho moro mora quanto custa entendo
            irmão irmã mãe pai casa preciso sei sabe cansado cansada muita""",
        "nl": """de het een en is niet ik jij je hij zij wij we jullie mij jou ons hun ben bent
            zijn was waren heb hebt heeft hebben kan kun kunt wil wilt moet mijn jouw geen
            met zonder voor van naar op uit bij over onder maar of omdat dat dit deze die
            als hoe wat wie waar wanneer waarom welke hallo hoi dank bedankt dankjewel
            alsjeblieft ja nee goede goeden goedemorgen dag avond vandaag morgen gisteren
            goed heel ook nog altijd nooit heet graag gaat hond kat dood verdrietig lied
            zingen dansen eten vriend vriendin jaar vertel grap vind lekker leuk werk woon
            woont kost begrijp broer zus moeder vader huis nodig blij moe""",
    }.items()
}
SIGNS: Final[dict[str, str]] = {
    "es": "¿¡ñ",
    "fr": "œçêëîïûâ",
    "de": "ßäöü",
    "pt": "ãõç",
    "it": "ìò",
}
"""Letters and marks that are a hint of a language."""
OWN_NAMES: Final[dict[str, str]] = {
    "en": "English",
    "es": "Spanish",
    "fr": "French",
    "de": "German",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "ja": "Japanese",
    "zh": "Chinese",
    "ko": "Korean",
    "ru": "Russian",
    "uk": "Ukrainian",
    "ar": "Arabic",
    "he": "Hebrew",
    "th": "Thai",
    "hi": "Hindi",
    "el": "Greek",
}
"""What English calls them."""
ANSWER_IN: Final[dict[str, str]] = {
    "es": "Responde en español.",
    "fr": "Réponds en français.",
    "de": "Antworte auf Deutsch.",
    "it": "Rispondi in italiano.",
    "pt": "Responda em português.",
    "nl": "Antwoord in het Nederlands.",
    "ja": "日本語で答えてください。",
    "zh": "请用中文回答。",
    "ko": "한국어로 대답하세요.",
    "ru": "Отвечай по-русски.",
}
"""The same in the language itself, which small models follow better."""
