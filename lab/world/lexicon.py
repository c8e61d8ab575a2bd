"""The closed vocabulary of the world. Countries, capitals and Spanish words are real; nothing else is."""

from __future__ import annotations

JOBS = ("baker", "farmer", "teacher", "doctor", "painter", "singer", "driver", "builder", "writer", "lawyer",
        "nurse", "pilot", "sailor", "tailor", "weaver", "miner", "cook", "judge", "potter", "hunter")
PETS = ("dog", "cat", "goat", "parrot", "rabbit", "turtle", "pony", "hamster", "duck", "lizard")
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown", "pink", "grey", "purple")

_CAPITALS = """France Paris|Spain Madrid|Italy Rome|Germany Berlin|Portugal Lisbon|Greece Athens|Austria Vienna|Poland Warsaw
Norway Oslo|Sweden Stockholm|Finland Helsinki|Denmark Copenhagen|Ireland Dublin|Hungary Budapest|Romania Bucharest|Bulgaria Sofia
Croatia Zagreb|Serbia Belgrade|Albania Tirana|Estonia Tallinn|Latvia Riga|Lithuania Vilnius|Ukraine Kyiv|Russia Moscow
Turkey Ankara|Cyprus Nicosia|Malta Valletta|Belgium Brussels|Slovenia Ljubljana|Slovakia Bratislava|Iceland Reykjavik|Egypt Cairo
Morocco Rabat|Tunisia Tunis|Libya Tripoli|Kenya Nairobi|Ghana Accra|Nigeria Abuja|Senegal Dakar|Angola Luanda
Uganda Kampala|Rwanda Kigali|Zambia Lusaka|Zimbabwe Harare|Namibia Windhoek|Mali Bamako|Sudan Khartoum|Japan Tokyo
China Beijing|India Delhi|Nepal Kathmandu|Thailand Bangkok|Vietnam Hanoi|Mongolia Ulaanbaatar|Indonesia Jakarta|Iran Tehran
Iraq Baghdad|Jordan Amman|Lebanon Beirut|Syria Damascus|Qatar Doha|Oman Muscat|Cuba Havana|Jamaica Kingston
Canada Ottawa|Peru Lima|Chile Santiago|Ecuador Quito|Colombia Bogota|Venezuela Caracas|Uruguay Montevideo|Australia Canberra"""
CAPITALS = dict(pair.split(" ") for line in _CAPITALS.split("\n") for pair in line.split("|"))

_WORDS = """house casa|water agua|bread pan|milk leche|book libro|table mesa|door puerta|window ventana|street calle|sun sol
moon luna|star estrella|sea mar|river rio|tree arbol|island isla|fire fuego|wind viento|rain lluvia|snow nieve
hand mano|head cabeza|eye ojo|mouth boca|foot pie|heart corazon|friend amigo|brother hermano|sister hermana|mother madre
father padre|son hijo|king rey|queen reina|city ciudad|world mundo|day dia|night noche|forest bosque|week semana
horse caballo|cow vaca|bird pajaro|fish pez|bear oso|wolf lobo|lion leon|apple manzana|cheese queso|egg huevo
salt sal|sugar azucar|meat carne|rice arroz|shirt camisa|shoe zapato|key llave|chair silla|bed cama|road camino"""
# Accents are left out: one spelling in plain letters keeps exact match about the word.
WORDS = dict(pair.split(" ") for line in _WORDS.split("\n") for pair in line.split("|"))

NOUNS = (("key", "keys"), ("boat", "boats"), ("lamp", "lamps"), ("clock", "clocks"), ("garden", "gardens"), ("wall", "walls"),
         ("box", "boxes"), ("picture", "pictures"), ("cup", "cups"), ("bag", "bags"), ("bridge", "bridges"), ("tower", "towers"))
PERSONS = (("boy", "boys"), ("girl", "girls"), ("farmer", "farmers"), ("teacher", "teachers"), ("singer", "singers"),
           ("nurse", "nurses"), ("pilot", "pilots"), ("judge", "judges"))
VERBS = (("sleeps", "sleep"), ("sings", "sing"), ("runs", "run"), ("reads", "read"), ("waits", "wait"), ("swims", "swim"))
SEES = (("likes", "like"), ("sees", "see"), ("knows", "know"), ("helps", "help"))
ADJECTIVES = ("old", "new", "small", "large", "clean", "heavy")
NEAR = ("near", "behind", "beside")
