// verifiers/language_words.h -- the languages that can be told apart, and their commonest words.
//
// A language whose script no other one of the list uses needs no words. Words that several
// languages share count for each of them, divided by their number.
#ifndef VERIFIERS_LANGUAGE_WORDS_H
#define VERIFIERS_LANGUAGE_WORDS_H

#include "verifiers/script.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct Language {
    const char *code; // ISO 639-1
    Script script;
    const char *words; // lower case, separated by blanks; NULL where the script says it all
} Language;

static const Language languages[] = {
    {"en", SCRIPT_LATIN,
     "the of and to in is am that it was for on are as with his they at be this have from or had "
     "by "
     "not but what all were we when your can said there use an each which she do how their if will "
     "up other about out many then them these so some her would make like him into time has look "
     "two more go see no could my than been who its now did get may let thus hence because since "
     "therefore must just very here where also our you he me one any first after should too does "
     "even both between such only over same why while through need know think wait actually okay"},
    {"de", SCRIPT_LATIN,
     "der die und das von zu den mit ist auf im nicht ein eine als auch es an werden aus er hat "
     "dass sie nach wird bei einer um am sind noch wie einem über einen so zum war haben nur oder "
     "aber vor zur bis mehr durch man sein wurde sei ich wir uns dann wenn kann hier jetzt also "
     "diese dieser dieses gibt weil muss können schon sehr ihre ihr mich mir doch dem des für "
     "daher deshalb wissen zuerst beiden antwort zahl zahlen gleich zwei drei vier berechnen "
     "erhalten müssen moment stimmt soll sollte gilt folgt setzen seite seiten glaube denke "
     "versuchen"},
    {"fr", SCRIPT_LATIN,
     "le la les de des du un une et est en que qui dans pour pas sur au avec ce il elle par plus "
     "ne se sont ou mais comme nous vous ils on cette tout aux été avoir être fait leur sa son "
     "ses donc alors si peut bien aussi car où ces deux très sans même entre faire était je tu "
     "mon votre notre afin ainsi cela celui dont là savons avons obtenons réponse nombre nombres "
     "deuxième trois quatre chaque calculons faut doit devrait égal égale essayons maintenant "
     "pense attendez abord conséquent après côté côtés elles"},
    {"es", SCRIPT_LATIN,
     "el la los las de del que y en un una es por con para no se su al lo como más pero sus le ya "
     "o este sí porque esta entre cuando muy sin sobre también me hasta hay donde quien desde "
     "todo nos durante todos uno les ni contra otros ese eso ante ellos e esto mí antes algunos "
     "qué unos yo otro otras son está ser tiene entonces ahora así puede cada hacer después "
     "dos tres cuatro sabemos tenemos obtenemos respuesta número números igual espera creo vamos "
     "debe debería luego ambos lado lados restamos sumamos calculamos primero llega hora horas"},
    {"it", SCRIPT_LATIN,
     "il lo la i gli le di del della dei delle da dal in nel nella con su per tra che e è un una "
     "uno non si come più ma anche sono questo questa ha o al alla cui se ci essere suo sua loro "
     "perché quando dove molto tutto tutti ogni quindi poi così fatto ho hanno stato dopo senza "
     "sulla dalla degli mio tuo noi voi due tre quattro sappiamo abbiamo otteniamo risposta numero "
     "numeri uguale aspetta penso dobbiamo deve dovrebbe prima adesso ora entrambi lato lati "
     "calcoliamo sottraiamo vediamo caso quello"},
    {"pt", SCRIPT_LATIN,
     "o a os as de do da dos das que e em um uma é para com não por se na no nos nas ao mais "
     "como mas foi ele ela sua seu ou ser quando muito há já está eu também só pelo pela até "
     "isso entre era depois sem mesmo aos ter seus quem me esse eles você tinha foram são então "
     "assim pode cada fazer tem dois duas três quatro sabemos temos obtemos resposta número "
     "números igual espere acho vamos deve deveria ambos lado lados calculamos primeiro agora "
     "portanto obtém isto hora"},
    {"nl", SCRIPT_LATIN,
     "de het een en van ik te dat die in is niet zijn op aan met als voor er maar om hem dan zou "
     "of wat mijn men dit zo door over ze zich bij ook tot je mij uit der daar haar naar heb hoe "
     "heeft hebben deze want nog zal me zij nu ge geen omdat iets worden toch al waren veel meer "
     "doen toen moet ben zonder kan hun dus alles onder ja werd wezen twee drie vier weten krijgen "
     "antwoord getal getallen gelijk wacht denk eerst moeten daarom laten kant kanten berekenen we "
     "wij"},
    {"sv", SCRIPT_LATIN,
     "och det att i en jag hon som han på den med var sig för så till är men ett om hade de av "
     "icke mig du henne då sin nu har inte hans honom skulle hennes där min man ej vid kunde "
     "något från ut när efter upp vi dem vara vad över än dig kan sina här ha mot alla under "
     "någon eller allt mycket sedan ju denna själv detta åt utan varit hur ingen mitt ni bli "
     "blev oss två tre fyra vet får svaret talet talen lika vänta tror först måste därför "
     "låt sida sidor beräknar eftersom"},
    {"da", SCRIPT_LATIN,
     "og i jeg det at en den til er som på de med han af for ikke der var mig sig men et har om vi "
     "min havde ham hun nu over da fra du ud sin dem os op man hans hvor eller hvad skal selv her "
     "alle vil blev kunne ind når være dog noget ville jo deres efter ned skulle denne end dette "
     "mit også under have dig anden hende mine alt meget sit sine vor mod disse hvis din nogle"},
    {"no", SCRIPT_LATIN,
     "og i jeg det at en et den til er som på de med han av ikke der så var meg seg men ett har om "
     "vi min mitt ha hadde hun nå over da ved fra du ut sin dem oss opp man kan hans hvor eller "
     "hva skal selv sjøl her alle vil bli ble blitt kunne inn når være kom noen noe ville dere "
     "etter ned skulle denne for deg si sine mot å meget"},
    {"fi", SCRIPT_LATIN,
     "ja on ei se että oli hän joka mutta myös kun kuin ovat niin tai minä sinä me te he tämä jos "
     "ole mitä vain jo nyt sen hänen ollut olla voi mukaan sitä jotka tämän siitä ennen vielä "
     "kuitenkin jälkeen sekä sillä koska eli näin aina kaikki hyvin siis ovat olen olet olemme "
     "tässä joita minun"},
    {"pl", SCRIPT_LATIN,
     "i w na z do się nie to jest że o jak za od po ale dla co tak przez być czy już tylko "
     "jego jej ich tym są był było była może ten ta te tego tej gdy jeszcze także oraz lub "
     "bardzo kiedy który która które ma pod przy we ze więc można są jako dwa trzy cztery "
     "wiemy mamy otrzymujemy odpowiedź liczba liczby równa czekaj myślę najpierw musimy "
     "dlatego teraz każdy każde obu obliczamy jeśli ponieważ zatem"},
    {"cs", SCRIPT_LATIN,
     "a v se na je že to s z do o ve si k i za by ale po od pro jak jsem jsou aby tak nebo který "
     "která které jako byl byla bylo ještě když už jen co být není také při jeho podle může mezi "
     "před než tento tato proto pokud"},
    {"sk", SCRIPT_LATIN,
     "a v sa na je že to s z do o vo si k aj za by ale po od pre ako som sú aby tak alebo ktorý "
     "ktorá ktoré bol bola bolo ešte keď už len čo byť nie tiež pri jeho podľa môže medzi pred než "
     "tento táto preto"},
    {"sl", SCRIPT_LATIN,
     "in je v na da se za so ki ne z pa o s kot tudi bi po iz ali od pri še kako če bil bila bilo "
     "do lahko sem tako zaradi svoje vse več med samo ko to tem ta smo ste njegov zelo kjer"},
    {"hr", SCRIPT_LATIN,
     "i u je da se na za su od s a o kao koji koja koje iz ne što ili biti bio bila bilo nije ali "
     "sam te po sve još samo kako može do već prema ako između ima ovo tako li mu ga kada bi"},
    {"hu", SCRIPT_LATIN,
     "a az és hogy nem is egy ez meg de csak ha el volt mint már még azt van vagy ki fel lesz "
     "minden be lehet volna után mert ezt amely akkor pedig kell nagyon úgy majd én te mi ők "
     "szerint között olyan"},
    {"ro", SCRIPT_LATIN,
     "și de la în a o cu nu pe este un că din mai care sa se pentru au fost sunt ce ca să dar sau "
     "după fi prin acest această lui ei el ea era între când foarte fără toate tot aceste cum "
     "dacă despre unui"},
    {"tr", SCRIPT_LATIN,
     "ve bir bu da de için ile çok ne o gibi daha ama olarak var mi her kadar değil sonra ben "
     "en olan biz şu ya ki onu diye ise veya çünkü ancak bana sen şey olduğu göre oldu "
     "eğer nasıl hem tüm iki üç dört biliyoruz elde ederiz cevap sayı sayının eşit bekle "
     "sanırım önce gerekir nedenle şimdi taraftan hesaplayalım hesaplıyoruz yani "
     "bulunduğunu"},
    {"vi", SCRIPT_LATIN,
     "và của là có không được cho trong một các với những người này đã "
     "để khi từ đến cũng như nhưng ra vào thì ở tôi bạn rất nhiều hơn về "
     "sẽ phải làm nếu lại vì còn hay đó theo trên bị sau thể nên chúng ta năm "
     "đang hai ba bốn biết số đáp án câu trả lời bằng nghĩ trước tiên cần "
     "do vậy bây giờ hãy tính mỗi điều"},
    {"id", SCRIPT_LATIN,
     "yang dan di itu dengan untuk tidak ini dari dalam akan pada juga ke karena ada mereka saya "
     "adalah oleh kita bisa anda telah sebagai kami atau dapat sudah lebih seperti sangat harus "
     "bahwa saat banyak jika tersebut dia kepada hanya tetapi masih namun dua tiga empat tahu "
     "jawaban bilangan angka sama tunggu pikir pertama maka sekarang sisi menghitung setiap jadi "
     "mendapatkan"},
    {"tl", SCRIPT_LATIN,
     "ang ng sa na at mga ay ko mo ito si ni para kung hindi siya ako ka isang kanyang nang may "
     "pero kaya po niya din rin lang tayo kami dahil o wala ating iyong aking upang bilang"},
    {"sw", SCRIPT_LATIN,
     "na ya wa kwa ni katika za la kuwa hii huu hiyo au cha kama pia lakini hivyo sana yake watu "
     "wake yao mimi wewe yeye sisi nyinyi wao bila kila baada kutoka hadi ili moja wakati ambayo "
     "ambao vya mtu sio tu kwamba hata ndio"},
    {"so", SCRIPT_LATIN,
     "waa iyo in ka oo ku la ah ayaa waxaa wuxuu waxay u si uu ay kale inuu aad ayay sida isku "
     "mid laga loo kala lagu soo dad ma"},
    {"sq", SCRIPT_LATIN,
     "dhe të e në i një për me nga më që është si ka u do nuk janë por kjo ky ishte se duke kanë "
     "edhe mund pas vetëm kur apo deri tij saj"},
    {"et", SCRIPT_LATIN,
     "ja on ei et see oli ta kui ka mis ning aga või ma seda oma mida siis nii ole olid pole kes "
     "veel nagu välja üle juba selle kuid meie nende väga peale saab"},
    {"lt", SCRIPT_LATIN,
     "ir yra į kad su iš buvo ne bet kaip tai jis ar o dėl taip po jau nuo per apie tik jo jos "
     "šis būti kuris kurie gali prie labai mes jie taip pat arba"},
    {"lv", SCRIPT_LATIN,
     "un ir ar no ka kas uz par bet tas arī lai vai pie tā kā nav tika bija pēc būt viņš šis gan "
     "vairāk ko jau līdz kur tiek var ļoti mēs"},
    {"ca", SCRIPT_LATIN,
     "el la els les de del que i en un una és per amb no es al dels més com però ha aquest aquesta "
     "també són o va seva seu ser entre quan sobre molt hi tot fins on ho ja així perquè què "
     "nosaltres cada pot"},
    {"af", SCRIPT_LATIN,
     "die en van in is het nie vir wat dat te om met op aan ek ons hy was sy as word by maar kan "
     "ook hulle sal deur jy my so na haar uit toe baie hierdie moet nog dit"},
    {"cy", SCRIPT_LATIN,
     "y yr yn a i o ar mae ac wedi bod am ei eu gan oedd ond sydd nid hyn fel ni mewn gyda cael "
     "wrth ein dim chi eich hefyd rhai"},
    {"ru", SCRIPT_CYRILLIC,
     "и в не на я что он с как это по но они мы вы все она так его за был от то о из же для у к "
     "если или ты бы было быть когда только ее их есть уже где чтобы может этот эта после который "
     "при до ещё еще были более также чем"},
    {"uk", SCRIPT_CYRILLIC,
     "і в не на я що він з як це по але вони ми ви всі вона так його за був від то о із же для у "
     "до якщо або ти би було бути коли тільки її їх є вже де щоб може цей ця після який при ще "
     "були більше також ніж та й"},
    {"bg", SCRIPT_CYRILLIC,
     "и на да се в за не от че с по са ще това е към като до която който но или при има ли след "
     "може ми си ни ви го я те тя той бе беше няма много само още със във а ако както тази този "
     "така които"},
    {"mk", SCRIPT_CYRILLIC,
     "и на да се во за не од дека со по ќе ова е кон како до која кој но или при има ли по може "
     "ги го ја тие таа тој беше нема многу само уште сум сме овој оваа така кои"},
    {"ar", SCRIPT_ARABIC,
     "في من على إلى أن عن هذا هذه التي الذي ما لا كان مع هو هي كل أو ثم قد بعد قبل بين حيث إن كما "
     "ذلك لم لن يكون كانت عند أي يمكن و"},
    {"fa", SCRIPT_ARABIC,
     "و در به از که این را با است برای آن یک خود تا بر هم نیز می شود شده اما یا هر ما او باید کرد "
     "بود است‌ها دارد های ها اگر چه کند کنید شما من"},
    {"ur", SCRIPT_ARABIC,
     "کے کی میں ہے اور سے کا کو پر نے یہ کہ ہیں ایک بھی تھا جو ہو اس تو وہ کر نہیں گیا تھی لیے ہم "
     "آپ اپنے تک ساتھ یا کیا جا رہا ہوں"},
    {"hi", SCRIPT_DEVANAGARI,
     "के का की है में और से को पर हैं यह एक ने कि नहीं भी था जो हो इस तो वह कर ही लिए थी थे या "
     "हम आप मैं साथ तक अपने गया कुछ जब सकते जाता करने होता रहा"},
    {"mr", SCRIPT_DEVANAGARI,
     "आहे आणि या च ते तो ती हे की आहेत मी एक होते होता होती नाही मध्ये त्या त्यांना साठी पण तर "
     "आपण असे केले करण्यासाठी आपल्या त्याच्या म्हणून काही जे हा ही असतात"},
    {"ne", SCRIPT_DEVANAGARI,
     "छ र को मा लाई ले छन् पनि यो भने हो गर्न एक गरेको भएको थियो हुन्छ गर्ने तर हामी तपाईं म यस "
     "सबै धेरै हुन् लागि अनि कुनै गर्नु छैन"},
    {"el", SCRIPT_GREEK, 0},
    {"hy", SCRIPT_ARMENIAN, 0},
    {"he", SCRIPT_HEBREW, 0},
    {"bn", SCRIPT_BENGALI, 0},
    {"pa", SCRIPT_GURMUKHI, 0},
    {"gu", SCRIPT_GUJARATI, 0},
    {"ta", SCRIPT_TAMIL, 0},
    {"te", SCRIPT_TELUGU, 0},
    {"kn", SCRIPT_KANNADA, 0},
    {"ml", SCRIPT_MALAYALAM, 0},
    {"si", SCRIPT_SINHALA, 0},
    {"th", SCRIPT_THAI, 0},
    {"lo", SCRIPT_LAO, 0},
    {"my", SCRIPT_MYANMAR, 0},
    {"ka", SCRIPT_GEORGIAN, 0},
    {"am", SCRIPT_ETHIOPIC, 0},
    {"km", SCRIPT_KHMER, 0},
    {"ko", SCRIPT_HANGUL, 0},
    {"ja", SCRIPT_KANA, 0},
    {"zh", SCRIPT_HAN, 0},
};
enum { N_LANGUAGES = sizeof languages / sizeof *languages };

#ifdef __cplusplus
}
#endif
#endif
