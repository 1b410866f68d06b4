// verifiers/math/tree/unit_table.h -- the units, their dimensions and sizes; for unit.c alone.
//
// Layer 3 (verifiers). The first symbol of a row is the unit's name. "=..." as the only symbol
// says that the words of the row are another name of a product.
#ifndef VERIFIERS_MATH_TREE_UNIT_TABLE_H
#define VERIFIERS_MATH_TREE_UNIT_TABLE_H

#include <stdint.h>

// Powers of metre, kilogram, second, ampere, kelvin, mole, candela, radian, bit, and money.
typedef enum DimensionRow {
    NO_DIMENSION,
    OF_LENGTH,
    OF_AREA,
    OF_VOLUME,
    OF_MASS,
    OF_TIME,
    OF_FREQUENCY,
    OF_SPEED,
    OF_CURRENT,
    OF_TEMPERATURE,
    OF_AMOUNT,
    OF_LIGHT,
    OF_ANGLE,
    OF_INFORMATION,
    OF_MONEY,
    OF_FORCE,
    OF_ENERGY,
    OF_POWER,
    OF_PRESSURE,
    OF_CHARGE,
    OF_VOLTAGE,
    OF_CAPACITY,
    OF_RESISTANCE,
    OF_CONDUCTANCE,
    OF_FLUX,
    OF_FLUX_DENSITY,
    OF_INDUCTANCE,
    OF_DOSE,
    OF_ILLUMINANCE,
    N_DIMENSION_ROWS,
} DimensionRow;

typedef enum UnitTakes {
    TAKES_NONE,
    IS_WEAK, // none, and its word or symbol is also an ordinary one
    TAKES_ALL,
    TAKES_THOUSANDS, // prefixes whose power of ten is a multiple of three
    TAKES_LARGE,     // kilo and above
} UnitTakes;

typedef struct UnitRow {
    const char *symbols, *words; // alternatives with | between them
    DimensionRow dimension;
    UnitTakes takes;
    int64_t up, down; // size in SI units: up / down * 10^exp10; up = 0: no factor
    int exp10;
} UnitRow;

// clang-format off
static const UnitRow unit_rows[] = {
    {"m", "meter|metre|meters|metres|mtr", OF_LENGTH, TAKES_ALL, 1, 1, 0},
    {"g|gm|gms", "gram|gramme", OF_MASS, TAKES_ALL, 1, 1, -3},
    {"s|sec|secs", "second", OF_TIME, TAKES_THOUSANDS, 1, 1, 0},
    {"A|amp|amps", "ampere|amp", OF_CURRENT, TAKES_THOUSANDS, 1, 1, 0},
    {"K", "kelvin", OF_TEMPERATURE, TAKES_THOUSANDS, 1, 1, 0},
    {"mol", "mole", OF_AMOUNT, TAKES_THOUSANDS, 1, 1, 0},
    {"cd", "candela", OF_LIGHT, TAKES_THOUSANDS, 1, 1, 0},
    {"rad|rads", "radian", OF_ANGLE, TAKES_THOUSANDS, 1, 1, 0},
    {"sr", "steradian", OF_ANGLE, TAKES_NONE, 0, 1, 0},
    {"N", "newton", OF_FORCE, TAKES_THOUSANDS, 1, 1, 0},
    {"J", "joule", OF_ENERGY, TAKES_THOUSANDS, 1, 1, 0},
    {"W", "watt", OF_POWER, TAKES_THOUSANDS, 1, 1, 0},
    {"Pa", "pascal", OF_PRESSURE, TAKES_ALL, 1, 1, 0},
    {"Hz", "hertz", OF_FREQUENCY, TAKES_THOUSANDS, 1, 1, 0},
    {"C", "coulomb", OF_CHARGE, TAKES_THOUSANDS, 1, 1, 0},
    {"V", "volt", OF_VOLTAGE, TAKES_THOUSANDS, 1, 1, 0},
    {"F", "farad", OF_CAPACITY, TAKES_THOUSANDS, 1, 1, 0},
    {"ohm|ohms", "ohm", OF_RESISTANCE, TAKES_THOUSANDS, 1, 1, 0},
    {"S", "siemens", OF_CONDUCTANCE, TAKES_THOUSANDS, 1, 1, 0},
    {"T", "tesla", OF_FLUX_DENSITY, TAKES_THOUSANDS, 1, 1, 0},
    {"Wb", "weber", OF_FLUX, TAKES_THOUSANDS, 1, 1, 0},
    {"H", "henry|henries", OF_INDUCTANCE, TAKES_THOUSANDS, 1, 1, 0},
    {"lm", "lumen", OF_LIGHT, TAKES_NONE, 0, 1, 0},
    {"lx", "lux", OF_ILLUMINANCE, TAKES_NONE, 0, 1, 0},
    {"Bq", "becquerel", OF_FREQUENCY, TAKES_THOUSANDS, 1, 1, 0},
    {"Gy", "gray", OF_DOSE, TAKES_THOUSANDS, 1, 1, 0},
    {"Sv", "sievert", OF_DOSE, TAKES_THOUSANDS, 1, 1, 0},
    {"L|l", "liter|litre", OF_VOLUME, TAKES_ALL, 1, 1, -3},
    {"=cm^3", "cc|ccm", OF_VOLUME, TAKES_NONE, 1, 1, 0},
    {"eV", "electronvolt|electron-volt", OF_ENERGY, TAKES_THOUSANDS, 1602176634, 1, -28},
    {"cal", "calorie", OF_ENERGY, TAKES_LARGE, 4184, 1, -3},
    {"bar|bars", "bar", OF_PRESSURE, TAKES_THOUSANDS, 1, 1, 5},
    {"atm", "atmosphere", OF_PRESSURE, TAKES_NONE, 101325, 1, 0},
    {"Torr|torr", "torr", OF_PRESSURE, TAKES_NONE, 101325, 760, 0},
    {"mmHg", "mmHg", OF_PRESSURE, TAKES_NONE, 0, 1, 0},
    {"psi", "psi", OF_PRESSURE, TAKES_NONE, 0, 1, 0},
    {"dyn", "dyne", OF_FORCE, TAKES_NONE, 1, 1, -5},
    {"erg", "erg", OF_ENERGY, TAKES_NONE, 1, 1, -7},
    {"G", "gauss", OF_FLUX_DENSITY, TAKES_NONE, 1, 1, -4},
    {"min|mins", "minute", OF_TIME, TAKES_NONE, 60, 1, 0},
    {"h|hr|hrs", "hour", OF_TIME, TAKES_NONE, 3600, 1, 0},
    {"d", "day", OF_TIME, TAKES_NONE, 86400, 1, 0},
    {"wk|wks", "week", OF_TIME, TAKES_NONE, 604800, 1, 0},
    {"mo", "month", OF_TIME, TAKES_NONE, 0, 1, 0},
    {"yr|yrs", "year", OF_TIME, TAKES_NONE, 0, 1, 0},
    {"decade", "decade", OF_TIME, TAKES_NONE, 0, 1, 0},
    {"century", "century|centuries", OF_TIME, TAKES_NONE, 0, 1, 0},
    {"fortnight", "fortnight", OF_TIME, TAKES_NONE, 1209600, 1, 0},
    {"t", "ton|tonne|metric ton", OF_MASS, TAKES_LARGE, 1, 1, 3},
    {"in", "inch|inche", OF_LENGTH, TAKES_NONE, 254, 1, -4},
    {"ft", "foot|feet", OF_LENGTH, TAKES_NONE, 3048, 1, -4},
    {"yd|yds", "yard", OF_LENGTH, TAKES_NONE, 9144, 1, -4},
    {"mi", "mile", OF_LENGTH, TAKES_NONE, 1609344, 1, -3},
    {"nmi", "nmi", OF_LENGTH, TAKES_NONE, 1852, 1, 0},
    {"angstrom", "angstrom|angstroem", OF_LENGTH, TAKES_NONE, 1, 1, -10},
    {"ly", "lightyear", OF_LENGTH, TAKES_NONE, 9460730472580800, 1, 0},
    {"pc", "parsec", OF_LENGTH, TAKES_LARGE, 0, 1, 0},
    {"AU|au", "AU", OF_LENGTH, TAKES_NONE, 149597870700, 1, 0},
    {"acre", "acre", OF_AREA, TAKES_NONE, 40468564224, 1, -7},
    {"ha", "hectare", OF_AREA, TAKES_NONE, 1, 1, 4},
    {"lb|lbs", "lb", OF_MASS, TAKES_NONE, 45359237, 1, -8},
    {"pound", "pound", OF_MASS, TAKES_NONE, 45359237, 1, -8},
    {"oz", "ounce", OF_MASS, TAKES_NONE, 28349523125, 1, -12},
    {"stone", "stone", OF_MASS, IS_WEAK, 635029318, 1, -8},
    {"amu|u|Da", "dalton", OF_MASS, TAKES_NONE, 0, 1, 0},
    {"gal|gals", "gallon", OF_VOLUME, TAKES_NONE, 3785411784, 1, -12},
    {"qt|qts", "quart", OF_VOLUME, TAKES_NONE, 946352946, 1, -12},
    {"pt", "pint", OF_VOLUME, IS_WEAK, 473176473, 1, -12},
    {"floz", "floz", OF_VOLUME, TAKES_NONE, 295735295625, 1, -16},
    {"cup", "cup", OF_VOLUME, IS_WEAK, 0, 1, 0},
    {"tsp", "teaspoon", OF_VOLUME, TAKES_NONE, 0, 1, 0},
    {"tbsp", "tablespoon", OF_VOLUME, TAKES_NONE, 0, 1, 0},
    {"=mi/h", "mph", OF_SPEED, TAKES_NONE, 1, 1, 0},
    {"=km/h", "kph|kmh|kmph", OF_SPEED, TAKES_NONE, 1, 1, 0},
    {"=kW h", "kWh", OF_ENERGY, TAKES_NONE, 1, 1, 0},
    {"=W h", "Wh", OF_ENERGY, TAKES_NONE, 1, 1, 0},
    {"=mA h", "mAh", OF_CHARGE, TAKES_NONE, 1, 1, 0},
    {"kn", "knot", OF_SPEED, TAKES_NONE, 1852, 3600, 0},
    {"rpm", "rpm", OF_FREQUENCY, TAKES_NONE, 0, 1, 0},
    {"bpm", "bpm", OF_FREQUENCY, TAKES_NONE, 0, 1, 0},
    {"fps", "fps", OF_FREQUENCY, TAKES_NONE, 0, 1, 0},
    {"hp", "horsepower", OF_POWER, TAKES_NONE, 0, 1, 0},
    {"Btu|BTU", "btu", OF_ENERGY, TAKES_NONE, 0, 1, 0},
    {"lbf", "lbf", OF_FORCE, TAKES_NONE, 0, 1, 0},
    {"kgf", "kgf", OF_FORCE, TAKES_NONE, 980665, 1, -5},
    {"dB", "decibel", OF_POWER, TAKES_NONE, 0, 1, 0},
    {"bit|bits|b", "bit", OF_INFORMATION, TAKES_LARGE, 1, 1, 0},
    {"byte|bytes|B", "byte", OF_INFORMATION, TAKES_LARGE, 8, 1, 0},
    {"KiB|KB", "kibibyte", OF_INFORMATION, TAKES_NONE, 8192, 1, 0},
    {"MiB", "mebibyte", OF_INFORMATION, TAKES_NONE, 8388608, 1, 0},
    {"GiB", "gibibyte", OF_INFORMATION, TAKES_NONE, 8589934592, 1, 0},
    {"=Mbit/s", "Mbps", OF_INFORMATION, TAKES_NONE, 1, 1, 0},
    {"=Gbit/s", "Gbps", OF_INFORMATION, TAKES_NONE, 1, 1, 0},
    {"=kbit/s", "kbps", OF_INFORMATION, TAKES_NONE, 1, 1, 0},
    {"degree|deg|degs", "degree", OF_ANGLE, TAKES_NONE, 0, 1, 0},
    {"arcmin", "arcminute", OF_ANGLE, TAKES_NONE, 0, 1, 0},
    {"arcsec", "arcsecond", OF_ANGLE, TAKES_NONE, 0, 1, 0},
    {"rev|revs", "revolution", OF_ANGLE, TAKES_NONE, 0, 1, 0},
    {"celsius", "celsius|centigrade", OF_TEMPERATURE, TAKES_NONE, 0, 1, 0},
    {"fahrenheit", "fahrenheit", OF_TEMPERATURE, TAKES_NONE, 0, 1, 0},
    {"dollar", "dollar|buck|USD", OF_MONEY, TAKES_NONE, 1, 1, 0},
    {"cent", "cent", OF_MONEY, TAKES_NONE, 1, 1, -2},
    {"EUR", "euro|eur", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"GBP", "gbp|quid", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"penny", "penny|pennie|pence", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"JPY", "yen|jpy", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"CNY", "yuan|rmb|cny|renminbi", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"INR|Rs|Re", "rupee|inr|rs", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"KRW", "won|krw", OF_MONEY, IS_WEAK, 0, 1, 0},
    {"RUB", "ruble|rouble|rub", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"CHF", "franc|chf", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"CAD", "cad", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"AUD", "aud", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"HKD", "hkd", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"NZD", "nzd", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"peso", "peso", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"taka", "taka", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"paisa", "paisa|paise", OF_MONEY, TAKES_NONE, 0, 1, 0},
    {"ppm", "ppm", OF_ANGLE, TAKES_NONE, 0, 1, 0},
    {"ppb", "ppb", OF_ANGLE, TAKES_NONE, 0, 1, 0},
    {"unit|units", "unit", NO_DIMENSION, TAKES_NONE, 0, 1, 0},
};
enum { N_UNIT_ROWS = sizeof unit_rows / sizeof *unit_rows };

static const struct {
    const char *symbol, *word;
    int exp10;
} unit_prefixes[] = {
    {"k", "kilo", 3},   {"M", "mega", 6},    {"G", "giga", 9},   {"T", "tera", 12},
    {"P", "peta", 15},  {"E", "exa", 18},    {"m", "milli", -3}, {"u", "micro", -6},
    {"n", "nano", -9},  {"p", "pico", -12},  {"f", "femto", -15}, {"a", "atto", -18},
    {"c", "centi", -2}, {"d", "deci", -1},   {"h", "hecto", 2},  {"da", "deca", 1},
};

// In lower case; a plural's s may follow.
static const struct {
    const char *phrase, *symbol;
} unit_phrases[] = {
    {"degree c", "celsius"}, {"degree celsius", "celsius"}, {"degrees celsius", "celsius"},
    {"degrees c", "celsius"}, {"deg c", "celsius"}, {"degree f", "fahrenheit"},
    {"degree centigrade", "celsius"}, {"degrees centigrade", "celsius"},
    {"degree fahrenheit", "fahrenheit"}, {"degrees fahrenheit", "fahrenheit"},
    {"degrees f", "fahrenheit"}, {"deg f", "fahrenheit"},
    {"fluid ounce", "floz"}, {"fl oz", "floz"}, {"fl. oz", "floz"}, {"nautical mile", "nmi"},
    {"light year", "ly"}, {"electron volt", "eV"}, {"metric ton", "t"}, {"metric tonne", "t"},
    {"astronomical unit", "AU"}, {"us dollar", "dollar"}, {"u.s. dollar", "dollar"},
    {"american dollar", "dollar"}, {"us $", "dollar"}, {"pound sterling", "GBP"}, {"pounds sterling", "GBP"},
    {"horse power", "hp"}, {"arc minute", "arcmin"}, {"arc second", "arcsec"},
};

// The longest first where one begins another.
static const struct {
    const char *word, *plain;
} unit_cjk_words[] = {
    {"平方厘米", "cm^2"}, {"平方公分", "cm^2"}, {"平方千米", "km^2"}, {"平方公里", "km^2"},
    {"平方分米", "dm^2"}, {"平方毫米", "mm^2"}, {"平方米", "m^2"}, {"平方公尺", "m^2"},
    {"立方厘米", "cm^3"}, {"立方分米", "dm^3"}, {"立方毫米", "mm^3"}, {"立方米", "m^3"},
    {"千米/时", "km/h"}, {"千米/小时", "km/h"}, {"公里/小时", "km/h"}, {"米/秒", "m/s"},
    {"千米每小时", "km/h"}, {"公里每小时", "km/h"}, {"米每秒", "m/s"},
    {"厘米", "cm"}, {"公分", "cm"}, {"毫米", "mm"}, {"分米", "dm"}, {"千米", "km"}, {"公里", "km"},
    {"公尺", "m"}, {"米", "m"}, {"千克", "kg"}, {"公斤", "kg"}, {"毫克", "mg"}, {"克", "g"},
    {"吨", "t"}, {"毫升", "mL"}, {"升", "L"}, {"秒钟", "s"}, {"秒", "s"}, {"分钟", "min"}, {"分鐘", "min"},
    {"小时", "h"}, {"小時", "h"}, {"公顷", "ha"}, {"人民币", "CNY"}, {"元", "CNY"}, {"块钱", "CNY"},
    {"美元", "dollar"}, {"欧元", "EUR"}, {"日元", "JPY"}, {"円", "JPY"}, {"圆", "CNY"}, {"圓", "CNY"},
    {"メートル", "m"}, {"センチメートル", "cm"}, {"キロメートル", "km"}, {"ミリメートル", "mm"},
    {"キログラム", "kg"}, {"グラム", "g"}, {"リットル", "L"}, {"時間", "h"}, {"分間", "min"}, {"秒間", "s"},
    {"ドル", "dollar"}, {"원", "KRW"}, {"센티미터", "cm"}, {"킬로미터", "km"}, {"밀리미터", "mm"},
    {"미터", "m"}, {"킬로그램", "kg"}, {"그램", "g"}, {"리터", "L"}, {"시간", "h"}, {"달러", "dollar"},
    {"か月", "mo"}, {"ヶ月", "mo"}, {"カ月", "mo"}, {"个月", "mo"}, {"個月", "mo"}, {"개월", "mo"},
    {"天", "d"}, {"日", "d"}, {"周", "wk"}, {"年", "yr"}, {"度", "degree"}, {"도", "degree"},
};
// clang-format on

#endif
