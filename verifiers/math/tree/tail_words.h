// verifiers/math/tree/tail_words.h -- words that say something about a value; for tail.c alone.
//
// Layer 3 (verifiers). A noun may hold none of them. Nearly all are English; of other languages the
// commonest multipliers, fractions, denials and conjunctions. Sorted by what they do.
#ifndef VERIFIERS_MATH_TREE_TAIL_WORDS_H
#define VERIFIERS_MATH_TREE_TAIL_WORDS_H

#include <stdint.h>

// Each list: words in lower case with a blank on both sides.
static const char tail_refused[] =
    // denials
    " unknown undetermined undecided uncertain unclear unsure doubtful ambiguous contradiction "
    "impossible unsolvable unsolved undefined cancelled canceled disproved disproven falsely "
    "wrongly missing formerly previously initially originally corrected revised invalidated "
    "something anything everything whatever whichever somewhat etc inf teen teens odds trio trios "
    "duo duos quartet quartets miljoen miljard pour por nil nought naught debt loss deficit "
    "not no non never nothing none neither nor hardly scarcely barely seldom rarely without false "
    "wrong incorrect incorrectly untrue invalid isnt arent wasnt dont doesnt didnt cant cannot "
    "wont "
    "nowhere nobody nope nay fake except excepting excluding excluded exclusive besides unless "
    "unlike opposite contrary denied deny rejected reject mistaken mistake error lie lies joke "
    "kidding rather instead nonsense disregard ignore ignored omitted void refuted refute "
    // verbs
    "is are was were be been being am has have had having do does did doing can could may might "
    "must shall should will would equals equal equaling equalling equivalent becomes become became "
    "seems seem appears appear means mean meaning gives give giving makes make making ain goes "
    "going go let lets say says said saying think thinks believe believes guess guesses suppose "
    "assume assumes assuming try tries chose choose chooses pick picks take takes taken taking get "
    "gets got becomes follows happens depends depend depending "
    "actually "
    // conjunctions and hedges
    "and or but if iff when whenever while else otherwise maybe perhaps possibly probably likely "
    "unlikely alternatively either both then because since although though however whether until "
    "till whereas provided given versus vs yet still only just even odd almost "
    // approximations and comparisons
    "about around approximately approx roughly nearly circa some ish estimate estimated estimates "
    "close more less fewer greater larger smaller bigger higher lower above below over under "
    "beyond least most than up down beneath within between from through upto minimum maximum "
    "exceeding exceeds exceed bound bounds upper too so ago before after past off short extra "
    "further plus minus "
    // numbers
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty thirty forty fourty fifty sixty seventy eighty "
    "ninety hundred hundreds thousand thousands million millions billion billions trillion "
    "trillions quadrillion quadrillions quintillion sextillion septillion octillion nonillion "
    "decillion milliard milliards billiard billiards lakh lakhs lac lacs crore crores arab kharab "
    "myriad myriads googol googolplex zillion zillions gazillion dozen dozens score scores gross "
    "pair pairs couple couples brace trio half halves third thirds fourth fourths quarter quarters "
    "fifth fifths sixth sixths seventh sevenths eighth eighths ninth ninths tenth tenths "
    "eleventh elevenths twelfth twelfths thirteenth thirteenths fourteenth fifteenth fifteenths "
    "sixteenth sixteenths twentieth twentieths thirtieth hundredth hundredths thousandth "
    "thousandths millionth millionths billionth billionths ones tens twos threes fours fives sixes "
    "sevens eights nines "
    "twenties thirties single double twice thrice triple quadruple quintuple umpteen several few "
    "many much grand mil mio mrd bil tril tln bln mln mlns thou kilo mega giga tera milli micro "
    "nano "
    // operations
    "doubled tripled halved quadrupled quintupled doubles triples basis promille "
    "divided multiplied subtracted added subtract add multiply divide squared cubed square cube "
    "power powers raised exponent exponential factorial factorials choose mod modulo modulus "
    "remainder remainders rem rest residue base binary octal hexadecimal hex ternary "
    "decimals radix repeating recurring repeated repeats recurrent dot percent percents "
    "percentage percentages pct permille permil log ln sin cos tan exp sqrt inverse reciprocal "
    "infinity "
    "infinite infinitely nan undefined pi tau "
    // questions
    "what which who whom how why "
    // Spanish, Portuguese, French, Italian, German, Dutch
    "mille millon millones milhao milhoes mila milione milioni millionen millions miliardo "
    "miliardi "
    "milliarde milliarden billionen tausend hundert cien ciento cientos cento medio media "
    "mitad meio meia metade demi demie moitie mezzo mezza halb halbe halbes einhalb anderthalb "
    "tercio tercios cuarto cuartos decimos tiers quart quarts drittel viertel zehntel docena "
    "docenas douzaine douzaines dutzend und oder aber nicht kein keine nein falsch wenn ist sind "
    "mehr weniger mindestens hochstens ungefahr etwa pas est sont mais plus moins environ faux "
    "falso pero mas menos sino si uno dos tres cuatro cinco seis siete ocho nueve diez un deux "
    "trois quatre cinq sept huit neuf dix eins zwei drei vier funf sechs sieben acht neun zehn "
    "elf prozent pourcent porciento percento niet geen maar juist non "
    // operations, once more
    "negated negate negation inverted inverses reversed rounded truncated complement complemented "
    "conjugate conjugated reciprocals opposites opposed transposed absolute magnitude squaring "
    "cubing denominator numerator percentile permyriad antilog ppm ppb "
    // Italian, French, Portuguese, Spanish, German, Dutch, Scandinavian
    "centinaia migliaia decine dozzina dozzine centaines centaine dizaine dizaines millier "
    "milliers "
    "centenas dezenas dezena duzia duzias decenas decena veintena quincena par pares paar paare "
    "paren honderd duizend tiental helft tusen hundra halv dussin ikke inte ingen aldrig "
    // Polish, Czech, Hungarian, Romanian, Finnish, Turkish, Indonesian, Vietnamese
    "tysiac tysiace tysiecy milion miliony milionow milionu miliard miliardy miliardow pol polowa "
    "nie tisic tisice tisicu polovina ezer millio milliard fel nem nincs mii milioane miliarde "
    "sute nu tuhat tuhatta miljoona miljoonaa miljardi miljardia puoli ei bin milyon milyar yuz "
    "yarim degil ribu ratus juta miliar triliun setengah tidak bukan nghin ngan trieu ty tram nua "
    "khong ";

// No noun has these in it: quintillionths, Zehntausend, Halften.
static const char *const tail_inside[] = {"illion", "illiard", "tausend", "hundert", "halfte"};

// Ends of fractions, with or without an s: thirtieths, nineteenths.
static const char *const tail_ends[] = {"tieth", "teenth", "ndredth", "usandth"};

// Abbreviations without a vowel.
static const char tail_abbreviated[] =
    " pcs pts hrs mths qty nos yds lbs wks yrs mts kgs cms kms mls ";

// Nothing may follow these: "1 point" and "7 point five", "5 times" and "5 times ten".
static const char tail_last_only[] = " point root times dot ";

// Words of one or two letters that a noun may hold.
static const char tail_short[] =
    " of in a an to per by at on pc oz ft cm mm km kg mg ml lb kw hz hr ";

// A noun phrase that ends with one of these needs a word behind it: "5 negative roots", "5 prime".
static const char tail_not_last[] = " prime decimal negative odd even imaginary complex rational "
                                    "irrational to of per by at a an in the on ";

static const struct {
    const char *word;
    int64_t up, down;
    int exp10;
} tail_factors[] = {
    {"hundred", 1, 1, 2},      {"thousand", 1, 1, 3},     {"million", 1, 1, 6},
    {"milliard", 1, 1, 9},     {"billion", 1, 1, 9},      {"trillion", 1, 1, 12},
    {"quadrillion", 1, 1, 15}, {"quintillion", 1, 1, 18}, {"sextillion", 1, 1, 21},
    {"septillion", 1, 1, 24},  {"octillion", 1, 1, 27},   {"nonillion", 1, 1, 30},
    {"decillion", 1, 1, 33},   {"lakh", 1, 1, 5},         {"lakhs", 1, 1, 5},
    {"lac", 1, 1, 5},          {"lacs", 1, 1, 5},         {"crore", 1, 1, 7},
    {"crores", 1, 1, 7},       {"dozen", 12, 1, 0},       {"dozens", 12, 1, 0},
    {"thousands", 1, 1, 3},    {"millions", 1, 1, 6},     {"billions", 1, 1, 9},
    {"trillions", 1, 1, 12},
};

// Behind a number alone, with or without a plural's s: "3 halves".
static const struct {
    const char *word;
    int down;
} tail_parts[] = {
    {"half", 2},          {"halve", 2},           {"third", 3},      {"fourth", 4},
    {"quarter", 4},       {"fifth", 5},           {"sixth", 6},      {"seventh", 7},
    {"eighth", 8},        {"ninth", 9},           {"tenth", 10},     {"eleventh", 11},
    {"twelfth", 12},      {"sixteenth", 16},      {"twentieth", 20}, {"hundredth", 100},
    {"thousandth", 1000}, {"millionth", 1000000},
};

static const char *const tail_digits[] = {"zero", "one", "two",   "three", "four",
                                          "five", "six", "seven", "eight", "nine"};

static const struct {
    const char *word;
    int base;
} tail_bases[] = {
    {"two", 2},       {"three", 3},    {"four", 4},     {"five", 5},
    {"six", 6},       {"seven", 7},    {"eight", 8},    {"nine", 9},
    {"ten", 10},      {"eleven", 11},  {"twelve", 12},  {"thirteen", 13},
    {"fourteen", 14}, {"fifteen", 15}, {"sixteen", 16}, {"twenty", 20},
};

static const struct {
    const char *word;
    int base;
} tail_base_names[] = {
    {"binary", 2}, {"ternary", 3},  {"quaternary", 4},   {"quinary", 5}, {"senary", 6},
    {"octal", 8},  {"decimal", 10}, {"hexadecimal", 16}, {"hex", 16},
};

// Numbers of Chinese, Japanese and Korean behind digits.
static const struct {
    const char *word;
    int exp10;
} tail_cjk_factors[] = {
    {"十", 1}, {"百", 2}, {"千", 3}, {"万", 4}, {"萬", 4}, {"亿", 8},
    {"億", 8}, {"백", 2}, {"천", 3}, {"만", 4}, {"억", 8}, {"조", 12},
};

// What a counter of these languages cannot hold, and of others the commonest words about values.
static const char *const tail_foreign[] = {
    // Chinese, Japanese
    "不",
    "非",
    "无",
    "無",
    "没",
    "未",
    "半",
    "多",
    "余",
    "餘",
    "约",
    "約",
    "或",
    "和",
    "与",
    "及",
    "至",
    "到",
    "以上",
    "以下",
    "左右",
    "大于",
    "小于",
    "超过",
    "至少",
    "至多",
    "零",
    "〇",
    "一",
    "二",
    "三",
    "四",
    "五",
    "六",
    "七",
    "八",
    "九",
    "十",
    "百",
    "千",
    "万",
    "萬",
    "亿",
    "億",
    "兆",
    "两",
    "进制",
    "進",
    "次方",
    "平方",
    "立方",
    "阶乘",
    "循环",
    "循環",
    "分之",
    "成",
    "折",
    "打",
    "双",
    "对",
    "倍多",
    "错",
    "假",
    "是",
    "为",
    "等于",
    "如果",
    "若",
    "但",
    "负",
    "正",
    "点",
    "ない",
    "ではな",
    "または",
    "か",
    "と",
    "より",
    "くらい",
    "ほど",
    "未満",
    "もし",
    "進法",
    "乗",
    "分の",
    "割",
    // Korean
    "아니",
    "이상",
    "이하",
    "미만",
    "초과",
    "또는",
    "혹은",
    "그리고",
    "약",
    "정도",
    "반",
    "분의",
    "나머지",
    "진법",
    "제곱",
    "백",
    "천",
    "만",
    "억",
    "조",
    "십",
    "없",
    "만약",
    "틀",
    "거짓",
    "퍼센트",
    "다스",
    "쌍",
    // Russian and other Cyrillic
    "тысяч",
    "миллион",
    "миллиард",
    "триллион",
    "сот",
    "десят",
    "половин",
    "четверт",
    "трет",
    "треть",
    "дюжин",
    "процент",
    "остат",
    "если",
    "или",
    "нет",
    "невер",
    "ложь",
    "почти",
    "около",
    "больше",
    "меньше",
    "менее",
    "более",
    "минимум",
    "максимум",
    "квадрат",
    "степен",
    "факториал",
    "систем",
    "период",
    "пар",
    "млн",
    "млрд",
    "тыс",
    "трлн",
    // Greek, Hebrew, Persian, Bengali, Thai
    "χιλιαδ",
    "εκατομμυρ",
    "δεν",
    "אלף",
    "אלפים",
    "מיליון",
    "חצי",
    "לא",
    "هزار",
    "میلیون",
    "نیم",
    "نیست",
    "হাজার",
    "พัน",
    "ล้าน",
    "หมื่น",
    "แสน",
    "ร้อย",
    "ครึ่ง",
    "ไม่",
    // Arabic, Hindi
    "ألف",
    "مليون",
    "مليار",
    "نصف",
    "ربع",
    "ثلث",
    "ليس",
    "لا",
    "أو",
    "إذا",
    "مئة",
    "مائة",
    "हज़ार",
    "हजार",
    "लाख",
    "करोड़",
    "करोड",
    "अरब",
    "आधा",
    "नहीं",
    "या",
    "अगर",
    "प्रतिशत",
    "सौ",
    "दर्जन",
    // Latin letters with accents
    "millón",
    "milhão",
    "milhões",
    "più",
    "è",
    "não",
    "décim",
    "moitié",
    "mínimo",
    "máximo",
    "según",
    "höchstens",
    "ungefähr",
    "fünf",
    "zwölf",
    "hälfte",
    "größer",
    "até",
    "más",
    "½",
    "¼",
    "¾",
};

#endif
